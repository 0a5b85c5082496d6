//! Reads files as fast as they come, on several threads.
//!
//! A plain file is cut at newlines into a part for each thread. What comes packed or through a pipe is read by one.
//!
//! Runs on: the main thread, and one for each part. Must not: keep more than a piece of a file and the longest line.

use std::fs::File;
use std::io;
use std::path::Path;

use super::By;
use super::tally::{Question, Tally};
use crate::failure::Failure;
use crate::story::{Input, RawLines, is_gzip, unprefixed};
use crate::system::read_at;

/// What a thread reads at once.
const PIECE: usize = 1 << 20;
/// Longest line that is counted.
const MAX_LINE: usize = 4 << 20;
/// Files below this are read by one thread.
const SMALL: u64 = 8 << 20;

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
                for part in cut(&file, len, &path, question)? {
                    all.merge(part);
                }
            }
        }
    }
    all.finish();
    Ok(all)
}

fn is_packed(file: &File) -> io::Result<bool> {
    let mut start = [0; 2];
    let count = read_at(file, &mut start, 0)?;
    Ok(is_gzip(start.get(..count).unwrap_or_default()))
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

fn cut(file: &File, len: u64, path: &Path, question: &Question) -> Result<Vec<Tally>, Failure> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(16);
    let threads = if len < SMALL { 1 } else { processors as u64 };
    let border = |number: u64| len / threads * number;
    let results: Vec<io::Result<Tally>> = std::thread::scope(|scope| {
        let part = |number: u64| {
            let end = if number + 1 == threads { len } else { border(number + 1) };
            scope.spawn(move || part(file, border(number), end, question))
        };
        let running: Vec<_> = (0..threads).map(part).collect();
        let died = || Err(io::Error::other("a reading thread died"));
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| died())).collect()
    });
    results.into_iter().collect::<io::Result<_>>().map_err(|error| Failure::io("read", path, &error))
}

/// Counts the lines that begin in a part of the file.
fn part(file: &File, begin: u64, end: u64, question: &Question) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut buffer = vec![0; PIECE];
    let (mut filled, mut position) = (0, begin.saturating_sub(1));
    // From the byte before on, everything up to the first newline belongs to the part before.
    let mut skipping = begin > 0;
    // Where the next line begins.
    let mut line_at = position;
    'file: loop {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let count = match read_at(file, room, position) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if count == 0 {
            if !skipping && line_at < end {
                tally.line(unprefixed(buffer.get(..filled).unwrap_or_default()), question);
            }
            break;
        }
        let fresh = filled;
        filled += count;
        position += count as u64;
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', buffer.get(fresh..filled).unwrap_or_default()) {
            let newline = fresh + newline;
            let line = buffer.get(from..newline).unwrap_or_default();
            if std::mem::take(&mut skipping) {
                // The end of somebody else's line.
            } else if line_at < end {
                tally.line(unprefixed(line), question);
            }
            line_at += (newline + 1 - from) as u64;
            from = newline + 1;
            if line_at >= end {
                break 'file;
            }
        }
        buffer.copy_within(from..filled, 0);
        filled -= from;
        if filled > MAX_LINE {
            // Too long for a line of ours: what follows is passed over up to its end.
            tally.foreign += u64::from(!skipping);
            skipping = true;
            line_at += filled as u64;
            filled = 0;
        }
    }
    Ok(tally)
}
