//! Counts files as fast as they come: plain ones on several threads; what comes packed or through a pipe is read by one.
//!
//! Runs on: the main thread. Must not: keep a line.

use std::fs::File;
use std::io;

use super::By;
use super::tally::{Question, Tally};
use crate::failure::Failure;
use crate::story::parts::{Piece, in_parts, is_packed};
use crate::story::{Input, RawLines};

/// Counts everything.
pub(super) fn read(inputs: Vec<Input>, question: &Question) -> Result<Tally, Failure> {
    let mut all = Tally::default();
    for input in inputs {
        let Input::Files(parts) = input else {
            all.merge(streamed(Input::Stdin, question)?);
            continue;
        };
        for path in parts {
            let failed = |error: io::Error| Failure::io("read", &path, &error);
            let file = File::open(&path).map_err(failed)?;
            let len = file.metadata().map_err(failed)?.len();
            // A frame may stand in an earlier line, which another thread would read.
            if len == 0 || question.by == By::Function || is_packed(&file).unwrap_or(true) {
                // Also pipes and devices, which have no length.
                all.merge(streamed(Input::Files(vec![path.clone()]), question)?);
            } else {
                let count = |tally: &mut Tally, piece: Piece<'_>| match piece {
                    Piece::Line(line) => tally.line(line, question),
                    Piece::TooLong => tally.foreign += 1,
                };
                in_parts(&file, len, count).map_err(failed)?.into_iter().for_each(|part| all.merge(part));
            }
        }
    }
    all.finish();
    Ok(all)
}

fn streamed(input: Input, question: &Question) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let mut lines = match question.by {
        By::Function => RawLines::whole(input),
        _ => RawLines::new(input),
    };
    loop {
        match lines.next() {
            Ok(None) => return Ok(tally),
            Ok(Some((_, line))) => tally.line(line, question),
            Err((at, error)) => return Err(Failure::new(format!("{at}: cannot read on: {error}"))),
        }
    }
}
