//! Counts lines into groups, with the last verdict on each panic, in memory that does not grow with them.
//!
//! Runs on: the threads that read; each has its own, and they are merged in the order of the file. Must not: keep a line.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use jiff::Timestamp;

use super::By;
use super::group::{Few, Group};
use crate::story::flat::{Bad, Head, Id, Kind, behind, head};

/// Panics whose later verdict is waited for: twice as many at most.
const MAX_OPEN: usize = 1 << 15;
/// Verdicts kept for the merge, on panics of the part of the file before.
const MAX_ORPHANS: usize = 1 << 15;
/// Groups; panics beyond them are counted together.
const MAX_GROUPS: usize = 1 << 17;
/// Versions whose first sight is kept.
const MAX_VERSIONS: usize = 1000;

/// A range of time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl Window {
    pub(crate) fn has(&self, ts_ms: i64) -> bool {
        self.since.is_none_or(|since| ts_ms >= since.as_millisecond())
            && self.until.is_none_or(|until| ts_ms <= until.as_millisecond())
    }
}

/// What is counted, and how.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) by: By,
    pub(super) window: Window,
    pub(super) service: Option<String>,
}

/// What one panic adds to its group besides itself.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// `None`: it is in none, and nor are its verdicts.
    group: Option<u64>,
    words: Words,
}

/// `uncaught`, `silent`, `swallowed`.
type Words = [Option<bool>; 3];
/// A map whose keys are hashes already.
type Hashed<T> = HashMap<u64, T, BuildHasherDefault<AsIs>>;
type Panics<T> = HashMap<Id, T, BuildHasherDefault<AsIs>>;

/// Counts of a part of the lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) groups: Hashed<Group>,
    /// Panics beyond the most groups.
    pub(super) ungrouped: u64,
    young: Panics<Open>,
    old: Panics<Open>,
    orphans: Vec<(Id, Words)>,
    /// Verdicts whose panic was not found.
    pub(super) late: u64,
    /// First sight of each version.
    pub(super) versions: HashMap<Box<str>, i64>,
    /// Lines whose fields came in another order than the agent's.
    pub(super) slow: u64,
    pub(super) torn: u64,
    pub(super) foreign: u64,
    pub(super) newer: u64,
}

impl Tally {
    /// Counts a line.
    pub(super) fn line(&mut self, line: &[u8], question: &Question) {
        if line.is_empty() {
            return;
        }
        match head(line) {
            Ok((head, quick)) => {
                // `repeats` lines have their number in another place.
                self.slow += u64::from(!quick && head.kind != Kind::Repeats);
                self.head(&head, line, question);
            }
            Err(Bad::Torn) => self.torn += 1,
            Err(Bad::Foreign) => self.foreign += 1,
            Err(Bad::Newer) => self.newer += 1,
        }
    }

    fn head(&mut self, head: &Head<'_>, line: &[u8], question: &Question) {
        let words = [head.uncaught, head.silent, head.swallowed];
        match head.kind {
            Kind::Other => {}
            Kind::Verdict => self.verdict(head.id, words),
            Kind::Panic | Kind::Repeats => {
                let wanted =
                    question.service.as_deref().is_none_or(|name| head.service.as_deref() == Some(name));
                let group = match wanted && question.window.has(head.ts_ms) {
                    true => self.panic(head, line, question, words),
                    false => None,
                };
                if head.kind == Kind::Panic {
                    self.open(head.id, Open { group, words });
                }
            }
        }
    }

    fn panic(&mut self, head: &Head<'_>, line: &[u8], question: &Question, words: Words) -> Option<u64> {
        let name = match &question.by {
            // The usual question needs no name.
            By::Fingerprint => None,
            By::Service => Some(head.service.as_deref().unwrap_or("(none)").to_owned()),
            By::Version => Some(head.version.as_deref().unwrap_or("(none)").to_owned()),
            By::Thread => Some(head.thread.as_ref().map_or("(unnamed)".to_owned(), |text| text.decoded())),
            By::Function => Some(function(line).unwrap_or_else(|| "(not known)".to_owned())),
            By::Label(key) => Some(label(line, key).unwrap_or_else(|| format!("(no `{key}`)"))),
        };
        let key = name.as_ref().map_or(head.fingerprint, |name| hash(name.as_bytes()));
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            self.ungrouped = self.ungrouped.saturating_add(head.count);
            return None;
        }
        let group = self.groups.entry(key).or_insert_with(|| {
            let name = name.unwrap_or_else(|| format!("{:016x}", head.fingerprint));
            let mut group = Group::new(name, head.ts_ms);
            group.message =
                head.message.as_ref().map_or("(the payload is not a text)".to_owned(), |text| text.decoded());
            group.place = place(line);
            group.fingerprint = head.fingerprint;
            group
        });
        group.add(head.ts_ms, head.count);
        if let Some(host) = &head.host {
            group.hosts.add(host);
        }
        if let Some(version) = &head.version {
            group.versions.add(version);
            let room = self.versions.len() < MAX_VERSIONS;
            match self.versions.get_mut(&**version) {
                Some(first) => *first = (*first).min(head.ts_ms),
                None if room => {
                    self.versions.insert((&**version).into(), head.ts_ms);
                }
                None => {}
            }
        }
        if head.kind == Kind::Repeats {
            group.unknown = group.unknown.saturating_add(head.count);
        } else {
            count(group, words, 1);
        }
        Some(key)
    }

    /// Waits for later words on a panic.
    fn open(&mut self, id: Id, open: Open) {
        if self.young.len() >= MAX_OPEN {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, open);
    }

    fn verdict(&mut self, id: Id, words: Words) {
        let open = match self.young.get_mut(&id) {
            Some(open) => Some(open),
            None => self.old.get_mut(&id),
        };
        let Some(open) = open else {
            if self.orphans.len() < MAX_ORPHANS {
                self.orphans.push((id, words));
            } else {
                self.late += 1;
            }
            return;
        };
        if let Some(group) = open.group.and_then(|key| self.groups.get_mut(&key)) {
            count(group, open.words, -1);
            count(group, words, 1);
        }
        open.words = words;
    }

    /// Adds what the next part of the lines came to.
    pub(super) fn merge(&mut self, mut next: Self) {
        for (key, group) in next.groups.drain() {
            let room = self.groups.len() < MAX_GROUPS;
            match self.groups.get_mut(&key) {
                Some(known) => known.merge(&group),
                None if room => {
                    self.groups.insert(key, group);
                }
                None => self.ungrouped = self.ungrouped.saturating_add(group.count),
            }
        }
        for (id, words) in std::mem::take(&mut next.orphans) {
            self.verdict(id, words);
        }
        // What is open now is what the part after the next one may speak of.
        if next.young.len() + next.old.len() >= MAX_OPEN {
            (self.old, self.young) = (next.old, next.young);
        } else {
            self.young.extend(next.old);
            self.young.extend(next.young);
            if self.young.len() >= MAX_OPEN {
                self.old = std::mem::take(&mut self.young);
            }
        }
        for (version, first) in next.versions {
            let known = self.versions.entry(version).or_insert(first);
            *known = (*known).min(first);
        }
        self.ungrouped = self.ungrouped.saturating_add(next.ungrouped);
        self.late += next.late;
        self.slow += next.slow;
        self.torn += next.torn;
        self.foreign += next.foreign;
        self.newer += next.newer;
    }

    /// Verdicts whose panic is nowhere.
    pub(super) fn finish(&mut self) {
        self.late += std::mem::take(&mut self.orphans).len() as u64;
    }
}

/// Adds or takes away what the words on one panic say.
fn count(group: &mut Group, [uncaught, silent, swallowed]: Words, by: i64) {
    let add = |number: &mut u64, yes: bool| *number = number.saturating_add_signed(if yes { by } else { 0 });
    add(&mut group.uncaught, uncaught == Some(true));
    add(&mut group.silent, silent == Some(true));
    add(&mut group.swallowed, swallowed == Some(true));
    add(&mut group.unknown, silent.is_none());
}

#[derive(serde::Deserialize)]
struct Place {
    file: String,
    line: u32,
}

fn place(line: &[u8]) -> Option<String> {
    let place: Option<Place> = behind(line, ",\"location\":")?;
    place.map(|place| format!("{}:{}", crate::view::stack::short(&place.file), place.line))
}

fn label(line: &[u8], key: &str) -> Option<String> {
    let mut labels: HashMap<String, String> = behind(line, ",\"labels\":")?;
    labels.remove(key)
}

#[derive(serde::Deserialize)]
struct Frame {
    function: Option<String>,
    in_app: Option<bool>,
}

/// The innermost function of the program, else the innermost that has a name.
fn function(line: &[u8]) -> Option<String> {
    let mut frames: Vec<Frame> = behind(line, ",\"frames\":")?;
    frames.retain(|frame| frame.function.is_some());
    let own = frames.iter().position(|frame| frame.in_app == Some(true)).unwrap_or(0);
    frames.into_iter().nth(own)?.function
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Mixes what is spread well already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= hash(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Names of a group as one text.
pub(super) fn names(few: &Few) -> String {
    let mut names: Vec<&str> = few.names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.join(" ") + if few.more { " …" } else { "" }
}
