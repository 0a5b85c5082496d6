//! `view --follow`: stories as they happen.
//!
//! Files are asked for news again and again, which works on every file system. What was renamed is read to its end before
//! the new file of that name is opened.
//!
//! Runs on: the main thread. Must not: lose a line between two files, or keep what was shown.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use super::tale::paint;
use super::{Shower, ViewArgs, json};
use panic_agent::record::StackBook;

use crate::Outcome;
use crate::screen::Paint;
use crate::story::{
    At, Complaints, Entry, Gather, Input, Log, Taken, Word, content, is_gzip, unprefixed, words,
};
use crate::system::{Identity, has_reader, identity, identity_at};

/// How often is asked.
const POLL: Duration = Duration::from_millis(200);
/// A story whose process lives is told when nothing has changed it for so long.
const QUIET: Duration = Duration::from_millis(700);
/// What is read of a file at once.
const PIECE: usize = 1 << 20;
/// What is read of a file before what it says is told.
const AT_ONCE: u64 = 8 << 20;
/// Longest part of a line that is waited for.
const MAX_LINE: usize = 2 << 20;

pub(super) fn follow(args: &ViewArgs, inputs: Vec<Input>) -> Outcome {
    let mut shower = Shower::new(args, false);
    let mut gather = Gather::new((args.memory.max(1) as usize) << 20);
    let mut complaints = Complaints::default();
    let mut tails = Vec::new();
    for input in inputs {
        match input {
            // A pipe is followed by reading it.
            Input::Stdin => {
                let mut log = Log::new(vec![Input::Stdin]);
                for entry in &mut log {
                    take(&mut gather, &mut shower, entry)?;
                    if !tell(&mut gather, &mut shower, Duration::ZERO)? {
                        return Ok(0);
                    }
                }
                complaints = log.complaints;
            }
            Input::Files(mut parts) => {
                let Some(last) = parts.pop() else { continue };
                for entry in &mut Log::new(vec![Input::Files(parts)]) {
                    take(&mut gather, &mut shower, entry)?;
                    if !tell(&mut gather, &mut shower, Duration::MAX)? {
                        return Ok(0);
                    }
                }
                tails.push(Tail::new(last));
            }
        }
    }
    while !tails.is_empty() {
        for tail in &mut tails {
            for (at, line) in tail.news() {
                let bytes = line.len();
                if let Some(line) = content(&line, &at, &mut complaints) {
                    take(&mut gather, &mut shower, Entry { line, at, bytes })?;
                }
            }
        }
        if !tell(&mut gather, &mut shower, QUIET)? {
            return Ok(0);
        }
        if !tails.iter().any(|tail| tail.more) {
            std::thread::sleep(POLL);
        }
    }
    tell(&mut gather, &mut shower, Duration::ZERO)?;
    shower.finish(&gather, &complaints)?;
    Ok(complaints.status())
}

/// A verdict on what was told already becomes a line of its own.
fn take(gather: &mut Gather, shower: &mut Shower<'_>, entry: Entry) -> Result<(), crate::failure::Failure> {
    let text = |shower: &Shower<'_>, verdict: &panic_agent::record::VerdictLine| {
        let word = Word::from(verdict.verdict());
        let now = paint(&word).on(format!("{:9}", words::shout(&word)));
        let message =
            crate::screen::one_line(verdict.message.as_deref().unwrap_or("(payload is not a text)"));
        let time = shower.teller.clock.short(verdict.head.ts_ms);
        format!(
            "{time} {now} now known: {message}: {} {}\n",
            words::receipt(&word),
            Paint::Faint.on(verdict.head.id)
        )
    };
    if let Taken::Late(verdict) = gather.take(entry) {
        if shower.args.json {
            crate::screen::write_raw(json::late(&verdict)?.as_bytes())?;
        } else if shower.args.filter.is_empty() {
            let text = text(shower, &verdict);
            shower.screen.write(&text)?;
        }
    }
    Ok(())
}

/// Tells what is settled; false when nobody reads any more.
fn tell(
    gather: &mut Gather,
    shower: &mut Shower<'_>,
    quiet: Duration,
) -> Result<bool, crate::failure::Failure> {
    while let Some(story) = gather.overflow().or_else(|| gather.settled(quiet)) {
        // From now on a verdict on it comes late.
        gather.evicted += 1;
        if !shower.show(&story, gather)? {
            return Ok(false);
        }
    }
    // A reader that has gone is noticed also when there is nothing to tell.
    Ok(has_reader())
}

/// The end of a file that grows.
struct Tail {
    path: PathBuf,
    open: Option<File>,
    identity: Option<Identity>,
    position: u64,
    line: u64,
    rest: Vec<u8>,
    stacks: StackBook,
    /// There is more to read at once.
    more: bool,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            identity: None,
            position: 0,
            line: 0,
            rest: Vec::new(),
            stacks: StackBook::default(),
            more: false,
        }
    }

    /// Whole lines that were appended since, each with its stack.
    fn news(&mut self) -> Vec<(At, Vec<u8>)> {
        let mut lines = Vec::new();
        self.read(&mut lines);
        if self.more {
            return lines;
        }
        let now = identity_at(&self.path);
        if now.is_some() && now != self.identity {
            // What was written between the reading and the renaming.
            self.read(&mut lines);
            if self.more {
                return lines;
            }
            self.close_line(&mut lines);
            self.open = File::open(&self.path).ok();
            self.identity = self.open.as_ref().and_then(identity);
            (self.position, self.line) = (0, 0);
            self.read(&mut lines);
        }
        lines
    }

    fn read(&mut self, lines: &mut Vec<(At, Vec<u8>)>) {
        self.more = false;
        let Some(mut file) = self.open.take() else { return };
        if self.read_from(&mut file, lines) {
            self.open = Some(file);
        }
    }

    /// False when the file is of no use.
    fn read_from(&mut self, file: &mut File, lines: &mut Vec<(At, Vec<u8>)>) -> bool {
        let len = file.metadata().map_or(0, |metadata| metadata.len());
        if len < self.position {
            eprintln!("panic-agent: `{}` was truncated; going on from its beginning", self.path.display());
            (self.position, self.line) = (0, 0);
            self.rest.clear();
        }
        if file.seek(SeekFrom::Start(self.position)).is_err() {
            return true;
        }
        let mut piece = vec![0; PIECE];
        let end = self.position.saturating_add(AT_ONCE);
        loop {
            if self.position >= end {
                self.more = true;
                return true;
            }
            let count = match file.read(&mut piece) {
                Ok(0) => return true,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Asked again next time: a server of files may be away.
                Err(_) => return true,
            };
            if self.position == 0 && piece.get(..count).is_some_and(is_gzip) {
                eprintln!("panic-agent: `{}` is compressed, and cannot be followed", self.path.display());
                return false;
            }
            self.position += count as u64;
            self.rest.extend_from_slice(piece.get(..count).unwrap_or_default());
            self.split(lines);
        }
    }

    fn split(&mut self, lines: &mut Vec<(At, Vec<u8>)>) {
        let mut begin = 0;
        for newline in memchr::memchr_iter(b'\n', &self.rest) {
            self.line += 1;
            let at = At { file: self.path.display().to_string().into(), line: self.line };
            let line = unprefixed(self.rest.get(begin..newline).unwrap_or_default());
            let mut whole = Vec::new();
            if !self.stacks.complete(line, &mut whole) {
                whole.extend_from_slice(line);
            }
            lines.push((at, whole));
            begin = newline + 1;
        }
        self.rest.drain(..begin);
        if self.rest.len() > MAX_LINE {
            self.rest.truncate(MAX_LINE);
        }
    }

    /// The last line of a file that will not grow any more.
    fn close_line(&mut self, lines: &mut Vec<(At, Vec<u8>)>) {
        if !self.rest.is_empty() {
            self.rest.push(b'\n');
            self.split(lines);
        }
    }
}
