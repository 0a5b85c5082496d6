//! Follows a log through renaming, copying, compressing, truncation and removal.
//!
//! Every file that may still get lines is watched: after a renaming, other processes write into the old file until they
//! look. Each has its own position, so that a start goes on where the deliveries ended.
//!
//! Reading order: this file, `part` (one file), `progress` (what is done in it).
//!
//! Runs on: the thread of a destination. Must not: lose a line that is on the disk, or wait.

mod part;
mod progress;

pub(crate) use part::is_gzip;
pub(crate) use progress::Position;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use panic_agent::record::StackBook;
use panic_agent::sink::rotations;
use part::{Part, RawLine, ReadEnd};
use progress::Progress;

/// A file that is no longer the log gets no line any more when it had none for so long.
const STALE: Duration = Duration::from_secs(600);
/// Names of files that were left, so that they are not read again.
const LEFT: usize = 256;

/// A line to be shipped.
#[derive(Debug)]
pub(crate) struct Line {
    /// Tells it from all others of this run; grows.
    pub(crate) number: u64,
    /// Without its newline.
    pub(crate) bytes: Vec<u8>,
}

struct Watched {
    part: Part,
    stacks: StackBook,
    progress: Progress,
    /// Where an earlier run left it.
    resumed: Position,
    news: Instant,
    at_end: bool,
}

impl Watched {
    /// The line with its stack, which an earlier line may have; also one that an earlier run has read.
    fn whole(&mut self, line: Vec<u8>) -> Vec<u8> {
        if self.stacks.lacks(&line) && self.resumed.offset > 0 {
            let stacks = &mut self.stacks;
            let mut whole = Vec::new();
            self.part.read_before(self.resumed.offset, |line| {
                stacks.complete(line, &mut whole);
            });
            // Once is enough: what is not there now never is.
            self.resumed.offset = 0;
        }
        let mut whole = Vec::new();
        if self.stacks.complete(&line, &mut whole) { whole } else { line }
    }
}

/// Reads what is appended to a log.
pub(crate) struct Follower {
    log: PathBuf,
    /// Oldest first.
    watched: Vec<Watched>,
    left: VecDeque<String>,
    number: u64,
    started: bool,
    resume: Vec<Position>,
    /// The newest time that an earlier run has read.
    clock_ms: i64,
    /// Beginnings of files that were gone before they were read.
    pub(crate) gaps: u64,
}

impl Follower {
    pub(crate) fn new(log: PathBuf, resume: Vec<Position>, clock_ms: i64) -> Self {
        Self {
            log,
            watched: Vec::new(),
            left: VecDeque::new(),
            number: 0,
            started: false,
            resume,
            clock_ms,
            gaps: 0,
        }
    }

    /// Reads lines, about `most` bytes of them. Whether there are no more.
    pub(crate) fn read(&mut self, lines: &mut Vec<Line>, most: usize, now: Instant) -> bool {
        if !self.started {
            self.started = true;
            self.start(now);
        }
        let mut left = most;
        let mut index = 0;
        while index < self.watched.len() {
            let mut raw = Vec::new();
            let Some(watched) = self.watched.get_mut(index) else { break };
            let end = watched.part.read(&mut raw, left);
            watched.at_end = end == ReadEnd::End;
            left = left.saturating_sub(raw.iter().map(|line| line.bytes.len()).sum());
            self.give(index, raw, lines, now);
            match end {
                ReadEnd::More => return false,
                ReadEnd::Replaced => self.replaced(index, now),
                ReadEnd::End => index += 1,
            }
        }
        let more = self.discover(now);
        self.leave(lines, now);
        !more
    }

    fn give(&mut self, index: usize, raw: Vec<RawLine>, lines: &mut Vec<Line>, now: Instant) {
        let Some(watched) = self.watched.get_mut(index) else { return };
        if !raw.is_empty() {
            watched.news = now;
        }
        for RawLine { line, offset, bytes } in raw {
            let number = self.number;
            self.number += 1;
            watched.progress.given(number, line, offset);
            let bytes = watched.whole(bytes);
            if watched.resumed.has_done(line) {
                watched.progress.done(number);
            } else {
                lines.push(Line { number, bytes });
            }
        }
    }

    /// Goes on where an earlier run ended.
    fn start(&mut self, now: Instant) {
        let mut parts = self.parts();
        for position in std::mem::take(&mut self.resume) {
            let same_file = |part: &Part| {
                (part.identity.dev, part.identity.ino) == (position.identity.dev, position.identity.ino)
                    && (part.identity.first == position.identity.first || position.identity.first.is_empty())
            };
            let copy = |part: &Part| {
                part.identity.first == position.identity.first && !position.identity.first.is_empty()
            };
            let found = parts.iter().position(same_file).or_else(|| parts.iter().position(copy));
            let index = found.filter(|index| {
                parts.get_mut(*index).is_some_and(|part| part.go_to(position.offset, position.line))
            });
            match index {
                Some(index) => {
                    // What is older was left, and copies of this are no other files.
                    let part = parts.remove(index);
                    parts.retain(|other| {
                        other.identity.first != part.identity.first || other.identity.first.is_empty()
                    });
                    parts.drain(..index.min(parts.len())).for_each(drop);
                    self.watch(part, position, now);
                }
                None if position.open => {
                    self.gaps += 1;
                    eprintln!(
                        "panic-agent: `{}` was gone, or another file, before it was shipped to its end; what stood behind \
                         its line {} cannot be shipped",
                        position.path, position.line
                    );
                }
                None => {}
            }
        }
        // Nothing of what was read is left: what was not changed since has nothing new.
        let all = self.watched.is_empty();
        for part in parts {
            if !all || part.modified_ms >= self.clock_ms {
                self.watch(part, Position::default(), now);
            }
        }
    }

    fn watch(&mut self, part: Part, resumed: Position, now: Instant) {
        self.watched.push(Watched {
            part,
            stacks: StackBook::default(),
            progress: Progress::default(),
            resumed,
            news: now,
            at_end: false,
        });
    }

    /// The log and its rotations, oldest first.
    fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for path in rotations(&self.log) {
            // What is renamed meanwhile is found under its other name, now or next time.
            let Ok(part) = Part::open(&path) else { continue };
            let known = |other: &Part| {
                (other.identity.dev, other.identity.ino) == (part.identity.dev, part.identity.ino)
            };
            if !parts.iter().any(known) {
                parts.push(part);
            }
        }
        parts
    }

    /// Watches files that came since. Whether there are any.
    fn discover(&mut self, now: Instant) -> bool {
        let log = std::fs::metadata(&self.log).ok();
        let identity = log.map(|log| {
            (std::os::unix::fs::MetadataExt::dev(&log), std::os::unix::fs::MetadataExt::ino(&log))
        });
        let is_watched = |ino: (u64, u64)| {
            self.watched.iter().any(|watched| (watched.part.identity.dev, watched.part.identity.ino) == ino)
        };
        // Nothing was renamed as long as the path leads to a file that is known.
        if identity.is_none_or(is_watched) {
            return false;
        }
        let parts = self.parts();
        let known: Vec<bool> = parts.iter().map(|part| self.knows(part)).collect();
        let first = known.iter().position(|known| *known);
        let before = self.watched.len();
        for (index, (part, known)) in parts.into_iter().zip(&known).enumerate() {
            let newer = match first {
                Some(first) => index > first,
                None => part.modified_ms >= self.clock_ms,
            };
            if !known && newer && !self.left.contains(&part.identity.first) {
                self.watch(part, Position::default(), now);
            }
        }
        self.watched.len() > before
    }

    /// Whether a file, or that which it is a copy of, is watched.
    fn knows(&self, part: &Part) -> bool {
        self.watched.iter().any(|watched| {
            let (own, other) = (&watched.part.identity, &part.identity);
            (own.dev, own.ino) == (other.dev, other.ino)
                || (!own.first.is_empty() && own.first == other.first)
        })
    }

    /// A file was truncated. What was not read of it may be in a copy.
    fn replaced(&mut self, index: usize, now: Instant) {
        let Some(old) = self.watched.get(index).map(|watched| &watched.part) else { return };
        let (identity, offset, line) = (old.identity.clone(), old.offset, old.line);
        let is_copy = |part: &Part| {
            part.identity.first == identity.first
                && !identity.first.is_empty()
                && (part.identity.dev, part.identity.ino) != (identity.dev, identity.ino)
        };
        let mut copies = self.parts().into_iter().filter(is_copy);
        let copy = copies.find_map(|mut part| part.go_to(offset, line).then_some(part));
        let path = old.path.clone();
        match copy {
            Some(part) => {
                if let Some(watched) = self.watched.get_mut(index) {
                    watched.part = part;
                }
            }
            None => {
                let watched = self.watched.remove(index);
                self.left(&watched.part.identity.first);
                eprintln!(
                    "panic-agent: `{}` was truncated; going on from its beginning, and what was not read by then is gone",
                    path.display()
                );
                self.gaps += 1;
            }
        }
        if let Ok(part) = Part::open(&path) {
            self.watch(part, Position::default(), now);
        }
    }

    fn left(&mut self, first: &str) {
        if !first.is_empty() {
            self.left.push_back(first.to_owned());
            if self.left.len() > LEFT {
                self.left.pop_front();
            }
        }
    }

    /// Closes the oldest files when all of their lines are done and no others are to be expected.
    fn leave(&mut self, lines: &mut Vec<Line>, now: Instant) {
        while self.watched.len() > 1 {
            let Some(oldest) = self.watched.first_mut() else { return };
            if !oldest.at_end || now.saturating_duration_since(oldest.news) < STALE {
                return;
            }
            let mut raw = Vec::new();
            oldest.part.close_line(&mut raw);
            if !raw.is_empty() {
                self.give(0, raw, lines, now);
                return;
            }
            if !oldest.progress.is_done() {
                return;
            }
            let oldest = self.watched.remove(0);
            self.left(&oldest.part.identity.first);
        }
    }

    /// Nothing has to be done with this line any more.
    pub(crate) fn done(&mut self, number: u64) {
        // It belongs to one of them, or to a file that was truncated since.
        let _found = self.watched.iter_mut().any(|watched| watched.progress.done(number));
    }

    /// Where each file is gone on with.
    pub(crate) fn positions(&self) -> Vec<Position> {
        let position = |watched: &Watched| {
            let part = &watched.part;
            let (line, offset) = watched.progress.first().unwrap_or((part.line, part.offset));
            let unread = part.left().is_none_or(|left| left > 0) && !watched.at_end;
            Position {
                path: part.path.display().to_string(),
                identity: part.identity.clone(),
                line,
                offset,
                open: !watched.progress.is_done() || unread,
                done: watched.progress.runs(),
            }
        };
        self.watched.iter().map(position).collect()
    }

    /// Bytes that were not read yet, compressed files aside.
    pub(crate) fn unread(&self) -> u64 {
        self.watched.iter().filter_map(|watched| watched.part.left()).sum()
    }
}

#[cfg(test)]
mod tests;
