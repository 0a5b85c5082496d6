//! Puts `panic` and `verdict` lines together: one record per panic, once its verdict is known or the hold has passed. What is
//! told of a process goes at once.
//!
//! Runs on: the thread of a destination. Must not: wait, or grow beyond its bound.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::follow::Line;
use super::line::{Outline, Word, beginning, merged};
use super::record::{Event, Record, Root};

/// Panics whose last shipped verdict is remembered: a line that repeats it is not shipped.
const REMEMBERED: usize = 8192;
/// Bytes of a message that is remembered.
const MESSAGE: usize = 200;

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is part of a record now, or will be.
    Kept,
    /// There is nothing in it to ship.
    Done,
    /// It is no line of an agent.
    Foreign,
}

/// Panics that wait for their verdict.
#[derive(Debug)]
pub(crate) struct Merge {
    hold: Duration,
    bound: usize,
    /// By id; the order is in `queue`.
    open: HashMap<String, Open>,
    queue: VecDeque<String>,
    bytes: usize,
    ready: VecDeque<Record>,
    /// The newest time that a line has told.
    clock: i64,
    shipped: Recent<Word>,
    roots: Recent<Arc<Root>>,
}

#[derive(Debug)]
struct Open {
    line: Vec<u8>,
    verdict: Option<Vec<u8>>,
    word: Word,
    settled: bool,
    ts_ms: i64,
    /// What the clock of the log showed: lines of a process that died long ago may follow newer ones.
    clock: i64,
    since: Instant,
    lines: Vec<u64>,
    incident: Option<String>,
}

impl Merge {
    pub(crate) fn new(hold: Duration, bound: usize) -> Self {
        Self {
            hold,
            bound,
            open: HashMap::new(),
            queue: VecDeque::new(),
            bytes: 0,
            ready: VecDeque::new(),
            clock: i64::MIN,
            shipped: Recent::new(REMEMBERED),
            roots: Recent::new(REMEMBERED),
        }
    }

    /// `look` sees what a line says before it is put away: nothing is read twice.
    pub(crate) fn take(&mut self, line: Line, now: Instant, look: impl FnOnce(&Outline<'_>)) -> Taken {
        // A line of spaces is where a recovery overwrote a torn one.
        if line.bytes.trim_ascii().is_empty() {
            return Taken::Done;
        }
        let Some(outline) = Outline::of(&line.bytes) else { return Taken::Foreign };
        look(&outline);
        self.clock = self.clock.max(outline.ts_ms);
        let (id, word, settled, ts_ms) =
            (outline.id.to_string(), outline.word(), outline.is_settled(), outline.ts_ms);
        match &*outline.kind {
            "panic" => {
                let incident = self.remember(&outline);
                self.bytes += line.bytes.len();
                let open = Open {
                    word,
                    settled,
                    ts_ms,
                    clock: self.clock,
                    since: now,
                    lines: vec![line.number],
                    incident,
                    verdict: None,
                    line: line.bytes,
                };
                // The same line again: a copy of a file.
                if let Some(before) = self.open.insert(id.clone(), open) {
                    self.bytes = self.bytes.saturating_sub(before.bytes());
                    if let Some(open) = self.open.get_mut(&id) {
                        open.lines.extend(before.lines);
                    }
                } else {
                    self.queue.push_back(id);
                }
                Taken::Kept
            }
            "verdict" => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.lines.push(line.number);
                    (open.word, open.settled) = (word, settled);
                    self.bytes += line.bytes.len();
                    let before = open.verdict.replace(line.bytes);
                    self.bytes = self.bytes.saturating_sub(before.map_or(0, |before| before.len()));
                    return Taken::Kept;
                }
                if self.shipped.get(&id) == Some(&word) {
                    return Taken::Done;
                }
                self.shipped.put(id.clone(), word.clone());
                let root = self.root(&id, outline.incident.as_deref());
                self.ready.push_back(Record {
                    event: Event::Verdict,
                    id,
                    ts_ms,
                    word,
                    line: line.bytes,
                    root,
                    lines: vec![line.number],
                });
                Taken::Kept
            }
            kind => {
                let Some(event) = notice(kind, &outline) else { return Taken::Done };
                let (word, lines) = (Word::default(), vec![line.number]);
                self.ready.push_back(Record { event, id, ts_ms, word, line: line.bytes, root: None, lines });
                Taken::Kept
            }
        }
    }

    /// Keeps what later panics of the incident tell of this one; the id of its own root.
    fn remember(&mut self, outline: &Outline<'_>) -> Option<String> {
        let message = outline.message.as_deref().map(|message| beginning(message, MESSAGE).to_owned());
        let root = Root {
            id: outline.id.to_string(),
            fingerprint: outline.fingerprint.as_deref().unwrap_or_default().to_owned(),
            message,
            thread: outline.thread.as_deref().map(str::to_owned),
        };
        self.roots.put(root.id.clone(), Arc::new(root));
        outline.incident.as_deref().map(str::to_owned)
    }

    fn root(&self, id: &str, incident: Option<&str>) -> Option<Arc<Root>> {
        incident.filter(|incident| *incident != id).and_then(|incident| self.roots.get(incident)).cloned()
    }

    /// Moves what need not wait any longer to the records. `at_end`: all lines that are there were read.
    pub(crate) fn release(&mut self, at_end: bool, everything: bool, now: Instant) {
        let hold = i64::try_from(self.hold.as_millis()).unwrap_or(i64::MAX);
        let mut waiting = VecDeque::with_capacity(self.queue.len());
        while let Some(id) = self.queue.pop_front() {
            let Some(open) = self.open.get(&id) else { continue };
            // The log itself tells that time has passed, also long after.
            let passed = self.clock.saturating_sub(open.clock) >= hold
                || (at_end && now.saturating_duration_since(open.since) >= self.hold);
            if open.settled || passed || everything || self.bytes > self.bound {
                self.ship(&id);
            } else {
                waiting.push_back(id);
            }
        }
        self.queue = waiting;
    }

    fn ship(&mut self, id: &str) {
        let Some(open) = self.open.remove(id) else { return };
        self.bytes = self.bytes.saturating_sub(open.bytes());
        let root = self.root(id, open.incident.as_deref());
        self.shipped.put(id.to_owned(), open.word.clone());
        let line = open.verdict.as_deref().and_then(|verdict| merged(&open.line, verdict));
        self.ready.push_back(Record {
            event: Event::Panic,
            id: id.to_owned(),
            ts_ms: open.ts_ms,
            word: open.word,
            line: line.unwrap_or(open.line),
            root,
            lines: open.lines,
        });
    }

    /// The next record that is ready.
    pub(crate) fn next(&mut self) -> Option<Record> {
        self.ready.pop_front()
    }

    /// Whether nothing waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.ready.is_empty()
    }
}

/// What a line tells of its process. `None`: nothing that is shipped.
fn notice(kind: &str, outline: &Outline<'_>) -> Option<Event> {
    match kind {
        "finding" => Some(Event::Finding),
        "losses" => Some(Event::Losses),
        "end" => outline.has_lost().then_some(Event::End),
        "death" => Some(Event::Death),
        _ => None,
    }
}

impl Open {
    fn bytes(&self) -> usize {
        self.line.len() + self.verdict.as_ref().map_or(0, Vec::len)
    }
}

/// The last so many of something.
#[derive(Debug)]
struct Recent<T> {
    most: usize,
    map: HashMap<String, T>,
    order: VecDeque<String>,
}

impl<T> Recent<T> {
    fn new(most: usize) -> Self {
        Self { most, map: HashMap::new(), order: VecDeque::new() }
    }

    fn put(&mut self, id: String, value: T) {
        if self.map.insert(id.clone(), value).is_none() {
            self.order.push_back(id);
            if self.order.len() > self.most
                && let Some(oldest) = self.order.pop_front()
            {
                self.map.remove(&oldest);
            }
        }
    }

    fn get(&self, id: &str) -> Option<&T> {
        self.map.get(id)
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
