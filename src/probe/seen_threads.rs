//! Threads by the probes' numbers, as the writer knows them, with what somebody keeps of each: the tracker of verdicts who
//! started whom, an audited harness on whose behalf.
//!
//! Runs on: the writer thread. Must not: grow without bound; ended threads are forgotten, oldest first.
//!
//! Not to be mixed up with `thread_table`, in which observed threads themselves look one another up, by `pthread_t` and
//! without a lock.

use std::collections::{BTreeMap, VecDeque};

/// Threads that are known at all. Of more the oldest are forgotten: their ends were lost, or they never began.
const KNOWN: usize = 65_536;

/// See the module.
#[derive(Debug)]
pub(crate) struct SeenThreads<T> {
    known: BTreeMap<u64, Seen<T>>,
    /// Numbers by OS id and beginning: an id may be used again.
    numbers: BTreeMap<(u32, u64), u64>,
    ended: VecDeque<u64>,
    /// Ended threads that are remembered, for what comes late.
    most_ended: usize,
}

/// One of them. Times are of the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Seen<T> {
    /// OS id, 0 before it begins.
    pub(crate) tid: u32,
    pub(crate) began_ns: Option<u64>,
    pub(crate) ended_ns: Option<u64>,
    pub(crate) of: T,
}

impl<T: Default> SeenThreads<T> {
    /// None; of ended ones this many are remembered.
    pub(crate) fn new(most_ended: usize) -> Self {
        Self { known: BTreeMap::new(), numbers: BTreeMap::new(), ended: VecDeque::new(), most_ended }
    }

    /// The thread with this number, which may be new.
    pub(crate) fn enter(&mut self, number: u64) -> &mut Seen<T> {
        if self.known.len() >= KNOWN
            && !self.known.contains_key(&number)
            && let Some((_, oldest)) = self.known.pop_first()
        {
            self.numbers.remove(&(oldest.tid, oldest.began_ns.unwrap_or_default()));
        }
        self.known.entry(number).or_default()
    }

    /// It began.
    pub(crate) fn began(&mut self, number: u64, tid: u32, mono_ns: u64) -> &mut T {
        self.numbers.insert((tid, mono_ns), number);
        let thread = self.enter(number);
        (thread.tid, thread.began_ns, thread.ended_ns) = (tid, Some(mono_ns), None);
        &mut thread.of
    }

    /// It ended; it stays known for a while.
    pub(crate) fn ended(&mut self, number: u64, mono_ns: u64) {
        let Some(thread) = self.known.get_mut(&number) else { return };
        thread.ended_ns = Some(mono_ns);
        self.ended.push_back(number);
        if self.ended.len() > self.most_ended
            && let Some(oldest) = self.ended.pop_front()
            && let Some(thread) = self.known.remove(&oldest)
        {
            self.numbers.remove(&(thread.tid, thread.began_ns.unwrap_or_default()));
        }
    }

    /// The newest thread that had this OS id and began before that time, and its number.
    pub(crate) fn with_tid(&self, tid: u32, mono_ns: u64) -> Option<(u64, &Seen<T>)> {
        let (_, number) = self.numbers.range((tid, 0)..=(tid, mono_ns)).next_back()?;
        Some((*number, self.known.get(number)?))
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Seen<T>> {
        self.known.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Seen<T>> {
        self.known.get_mut(&number)
    }

    /// All of them, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Seen<T>)> {
        self.known.iter().map(|(number, thread)| (*number, thread))
    }

    /// The most that any of the tables holds.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        self.known.len().max(self.numbers.len()).max(self.ended.len())
    }
}
