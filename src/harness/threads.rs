//! On whose behalf threads run: who started them, inside of which test.
//!
//! Runs on: the writer thread. Must not: grow without bound; ended threads are forgotten, oldest first. Must not take
//! one test for another: a thread that may serve several belongs to none of them.

use std::collections::HashMap;

use super::frames;
use super::owner::{Owner, Shared, reason};
use crate::probe::harness_notes::{Note, Noted};
use crate::probe::{Seen, SeenThreads};
use crate::record::NamedFrame;
use crate::symbolize::Namer;

/// Ended threads that are remembered: their children may panic long after.
const ENDED: usize = 8192;
/// Ancestors that are followed.
const LONGEST_LINE: usize = 64;

/// A thread whose start was seen.
#[derive(Debug, Default)]
pub(super) struct Thread {
    spawn: Option<Spawn>,
    owner: Option<Owner>,
    name: Option<String>,
}

/// The call that started a thread.
#[derive(Clone, Debug)]
struct Spawn {
    parent: u64,
    parent_tid: u32,
    /// Innermost first.
    ips: Box<[u64]>,
}

/// A test, as far as it was heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Test {
    /// The thread that libtest started for it; 0 when it is not known.
    thread: u64,
    /// When libtest said that it had ended.
    finished: Option<u64>,
}

/// The threads and tests of the process.
#[derive(Debug)]
pub(crate) struct Threads {
    /// OS id of the main thread.
    pub(super) main: u32,
    pub(super) known: SeenThreads<Thread>,
    tests: HashMap<String, Test>,
    /// The crate that the tests are in, once one was seen under the harness.
    krate: Option<String>,
    /// Some event was lost: what was not seen proves nothing.
    pub(super) gaps: bool,
    /// How many tests libtest said that it would run; `None` when it prints nothing that can be read.
    pub(super) planned: Option<u64>,
    /// Whether a runtime that serves several tests was seen.
    shared_runtime: bool,
}

impl Threads {
    pub(crate) fn new(main: u32) -> Self {
        Self {
            main,
            known: SeenThreads::new(ENDED),
            tests: HashMap::new(),
            krate: None,
            gaps: false,
            planned: None,
            shared_runtime: false,
        }
    }

    /// A thread is about to be started.
    pub(crate) fn spawning(&mut self, note: &Note) {
        let Noted::Spawn { child, parent, parent_tid } = note.what else { return };
        self.known.enter(child).of.spawn = Some(Spawn { parent, parent_tid, ips: note.ips().collect() });
        if parent != 0 && !note.name.as_str().is_empty() && !note.name.is_truncated() {
            self.named(parent, note.name.as_str());
        }
    }

    /// Whether libtest said of every test how it ended.
    pub(crate) fn all_finished(&self) -> bool {
        let finished = self.tests.values().filter(|test| test.finished.is_some()).count() as u64;
        self.planned.is_some_and(|planned| finished >= planned)
    }

    /// The one test whose path begins so, once every test is known.
    pub(crate) fn only_test_like(&self, beginning: &str) -> Option<&str> {
        let mut tests = self.tests.keys().filter(|name| name.starts_with(beginning));
        tests.next().filter(|_| tests.next().is_none() && self.all_finished()).map(String::as_str)
    }

    /// libtest said that a test had ended.
    pub(crate) fn finished(&mut self, name: &str, mono_ns: u64) {
        self.tests.entry(name.to_owned()).or_default().finished.get_or_insert(mono_ns);
    }

    /// Number of the thread with this OS id at that time, 0 when its start was not seen.
    pub(crate) fn number(&self, tid: u32, mono_ns: u64) -> u64 {
        self.known.with_tid(tid, mono_ns).map_or(0, |(number, _)| number)
    }

    /// The full name of a thread.
    pub(crate) fn named(&mut self, number: u64, name: &str) {
        if let Some(thread) = self.known.get_mut(number).map(|thread| &mut thread.of)
            && thread.name.as_deref() != Some(name)
        {
            thread.name = Some(name.to_owned());
            // What was concluded without it may be better now.
            thread.owner = None;
        }
    }

    /// A test was seen under the harness on this thread; 0 for the main one.
    pub(crate) fn seen(&mut self, name: &str, krate: Option<&str>, number: u64) {
        let test = self.tests.entry(name.to_owned()).or_default();
        if number != 0 {
            test.thread = number;
        }
        if self.krate.is_none() {
            self.krate = krate.map(str::to_owned);
        }
    }

    /// Whether a function of this crate is a test that was heard of.
    pub(crate) fn is_test(&self, path: &frames::TestPath) -> bool {
        self.krate.as_deref().is_none_or(|krate| krate == path.krate) && self.tests.contains_key(&path.name)
    }

    /// The crate of the tests, if it is not known from a stack yet.
    pub(crate) fn suppose_crate(&mut self, krate: String) {
        self.krate.get_or_insert(krate);
    }

    /// Whether the test had ended at that time.
    pub(crate) fn has_ended(&self, name: &str, mono_ns: u64) -> Option<bool> {
        let test = self.tests.get(name)?;
        let thread = self.known.get(test.thread);
        let exited = thread.and_then(|thread| thread.ended_ns).is_some_and(|exited| exited <= mono_ns);
        let finished = test.finished.is_some_and(|finished| finished <= mono_ns);
        let watched = thread.is_some() || self.planned.is_some();
        match exited || finished {
            true => Some(true),
            false => (watched && !self.gaps).then_some(false),
        }
    }

    /// Learns the names of threads that libtest has started for tests, as far as the system knows them in full.
    pub(crate) fn learn_names(&mut self, namer: &mut dyn Namer, name_of: &dyn Fn(u32) -> Option<String>) {
        let is_there = |thread: &Seen<Thread>| thread.began_ns.is_some() && thread.ended_ns.is_none();
        let of_main = |spawn: &Spawn| spawn.parent_tid == self.main;
        let candidate = |(number, thread): (u64, &Seen<Thread>)| {
            let unnamed = thread.of.name.is_none() && thread.of.spawn.as_ref().is_some_and(of_main);
            (is_there(thread) && unnamed).then_some((number, thread.tid))
        };
        let candidates: Vec<(u64, u32)> = self.known.iter().filter_map(candidate).collect();
        for (number, tid) in candidates {
            let Some(name) = name_of(tid) else { continue };
            if matches!(self.owner(number, namer), Ok(Owner::Harness(None))) {
                self.named(number, &name);
                self.seen(&name, None, number);
            }
        }
    }

    /// Who a thread belongs to, or why that is not known.
    pub(crate) fn owner(&mut self, number: u64, namer: &mut dyn Namer) -> Result<Owner, &'static str> {
        self.owner_within(number, namer, LONGEST_LINE)
    }

    fn owner_within(
        &mut self,
        number: u64,
        namer: &mut dyn Namer,
        ancestors: usize,
    ) -> Result<Owner, &'static str> {
        let thread = &self.known.get(number).ok_or(reason::THREAD_NOT_SEEN)?.of;
        if let Some(owner) = &thread.owner {
            return Ok(owner.clone());
        }
        let name = thread.name.clone();
        let spawn = thread.spawn.clone().ok_or(reason::THREAD_NOT_SEEN)?;
        let frames = namer.name(&spawn.ips);
        let owner = match frames::harness_at(&frames) {
            Some(at) => self.inside_test(&spawn, &frames, at, namer),
            None => self.outside_test(&spawn, &frames, name, namer, ancestors),
        }?;
        if let Some(thread) = self.known.get_mut(number) {
            thread.of.owner = Some(owner.clone());
        }
        Ok(owner)
    }

    /// A thread that is started by the thread of a test.
    fn inside_test(
        &mut self,
        spawn: &Spawn,
        frames: &[NamedFrame],
        at: usize,
        namer: &mut dyn Namer,
    ) -> Result<Owner, &'static str> {
        let path = frames::test_inside(frames, at);
        let parent = self.known.get(spawn.parent).and_then(|thread| thread.of.name.clone());
        let name =
            parent.or_else(|| path.as_ref().map(|path| path.name.clone())).ok_or(reason::NO_SYMBOLS)?;
        let krate = path.filter(|path| path.name == name).map(|path| path.krate);
        self.seen(&name, krate.as_deref(), spawn.parent);
        let inside = frames.get(..at).unwrap_or_default();
        self.shared_runtime |= frames::is_shared(inside) && frames::builds_runtime(inside);
        let by_runtime = self.is_of_shared_runtime(inside, namer);
        // The harness has a name, so everything has.
        let shared = if by_runtime || frames::is_shared(inside) { Shared::Yes } else { Shared::No };
        Ok(Owner::Test { name, shared })
    }

    /// A thread that is started by any other.
    fn outside_test(
        &mut self,
        spawn: &Spawn,
        frames: &[NamedFrame],
        name: Option<String>,
        namer: &mut dyn Namer,
        ancestors: usize,
    ) -> Result<Owner, &'static str> {
        if spawn.parent == 0 {
            if spawn.parent_tid != self.main {
                return Err(reason::THREAD_NOT_SEEN);
            }
            // Without names the harness itself must have told that there is such a test.
            let told = || name.as_ref().is_some_and(|name| self.tests.contains_key(name));
            if frames::runs_test(frames) || (frames::lacks_names(frames) && told()) {
                return Ok(Owner::Harness(name));
            }
            return Err(reason::no_test_on(frames));
        }
        let ancestors = ancestors.checked_sub(1).ok_or(reason::THREAD_NOT_SEEN)?;
        let (name, shared) = match self.owner_within(spawn.parent, namer, ancestors)? {
            // A stack that does not reach the harness, such as that of a destructor of a thread-local.
            Owner::Harness(None) => return Err(reason::NAME_CUT),
            Owner::Harness(Some(name)) => (name, Shared::No),
            Owner::Test { name, shared } => (name, shared),
        };
        let by_runtime = self.is_of_shared_runtime(frames, namer);
        Ok(Owner::Test { name, shared: shared.through(frames, by_runtime) })
    }

    /// Whether the thread may belong to a runtime that serves several tests, and not to one of the test's own.
    fn is_of_shared_runtime(&mut self, frames: &[NamedFrame], namer: &mut dyn Namer) -> bool {
        if !frames::is_on_demand(frames) {
            return false;
        }
        if !self.shared_runtime {
            let mut spawns = self.known.iter().filter_map(|(_, thread)| thread.of.spawn.as_ref());
            self.shared_runtime = spawns.any(|spawn| {
                let frames = namer.name(&spawn.ips);
                frames::builds_runtime(&frames) && frames::is_shared(&frames)
            });
        }
        self.shared_runtime
    }

    /// Whether a thread has not ended that something else than the main thread started.
    pub(crate) fn has_alive(&self) -> bool {
        self.known.iter().any(|(_, thread)| {
            let by_other = thread.of.spawn.as_ref().is_some_and(|spawn| spawn.parent != 0);
            thread.ended_ns.is_none() && by_other
        })
    }

    /// Threads that have not ended, by number: with the OS id (`None` before it begins), and the stack that started them.
    pub(crate) fn alive(&self) -> Vec<(u64, Option<u32>, Box<[u64]>)> {
        let alive = self.known.iter().filter(|(_, thread)| thread.ended_ns.is_none());
        let started = |(number, thread): (u64, &Seen<Thread>)| {
            let ips = thread.of.spawn.as_ref()?.ips.clone();
            Some((number, thread.began_ns.map(|_| thread.tid), ips))
        };
        alive.filter_map(started).collect()
    }
}
