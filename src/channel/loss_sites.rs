//! Which places of the program lost reports: a fixed table, filled by panicking threads that found no slot.
//!
//! Runs on: panicking threads (`record`) and the writer (`top`). Must not: allocate in `record`, lock, panic.
//!
//! Open addressing over [`SITES`] entries. An entry is taken by one CAS on its key, filled by the thread
//! that took it, and never given up; counts are added by anyone. A thread that is held up while it fills an
//! entry keeps nobody from counting there; the entry only has no text yet.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::record::{Fnv, LossSite, end_of};

/// Places that are told apart; losses of further ones share one count.
const SITES: usize = 64;
/// Words of a path that are kept: its last 128 bytes.
const WORDS: usize = 16;
const BYTES: usize = WORDS * 8;

/// See the module.
pub(crate) struct LossSites {
    /// [`SITES`] of them, made at the start.
    sites: Box<[Site]>,
    /// Losses at places for which there was no room.
    others: AtomicU64,
}

/// One place.
#[derive(Default)]
struct Site {
    /// Hash of the place; 0: the entry is free.
    key: AtomicU64,
    lost: AtomicU64,
    line: AtomicU32,
    column: AtomicU32,
    /// Bytes of `text` plus 1, once the entry is filled; 0 before. Stored with Release after everything else,
    /// read with Acquire before it.
    filled: AtomicU32,
    text: [AtomicU64; WORDS],
}

impl Site {
    fn fill(&self, file: &str, line: u32, column: u32) {
        // What tells files apart is at the end of their paths.
        let text = end_of(file, BYTES).as_bytes();
        for (word, bytes) in self.text.iter().zip(text.chunks(8)) {
            let mut whole = [0; 8];
            if let Some(start) = whole.get_mut(..bytes.len()) {
                start.copy_from_slice(bytes);
            }
            word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
        }
        self.line.store(line, Ordering::Relaxed);
        self.column.store(column, Ordering::Relaxed);
        self.filled.store(u32::try_from(text.len()).unwrap_or(0).saturating_add(1), Ordering::Release);
    }

    /// `None` while the entry is free or being filled.
    fn location(&self) -> Option<String> {
        let len = self.filled.load(Ordering::Acquire).checked_sub(1)? as usize;
        let bytes = self.text.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes());
        let file = String::from_utf8(bytes.take(len).collect()).ok()?;
        let (line, column) = (self.line.load(Ordering::Relaxed), self.column.load(Ordering::Relaxed));
        Some(format!("{file}:{line}:{column}"))
    }
}

impl LossSites {
    /// All free.
    pub(crate) fn new() -> Self {
        Self { sites: (0..SITES).map(|_| Site::default()).collect(), others: AtomicU64::new(0) }
    }

    /// Adds one loss at this place.
    ///
    /// Places are told apart by a 64-bit hash.
    ///
    /// # Cost
    /// No allocation; one pass over the path; at most [`SITES`] looks, usually one or two.
    pub(crate) fn record(&self, file: &str, line: u32, column: u32) {
        let key = key(file, line, column);
        let start = (key as usize).checked_rem(SITES).unwrap_or(0);
        let (before, from) = self.sites.split_at_checked(start).unwrap_or((&[], &self.sites));
        for site in from.iter().chain(before) {
            // Relaxed: the key publishes nothing, `filled` does.
            let taken = site.key.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
            if taken.is_ok() {
                site.lost.fetch_add(1, Ordering::Relaxed);
                return site.fill(file, line, column);
            }
            if taken == Err(key) {
                site.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        self.others.fetch_add(1, Ordering::Relaxed);
    }

    /// The places, most losses first. Losses at places that had no room in the table come last, as
    /// `(other places)`.
    pub(crate) fn top(&self) -> Vec<LossSite> {
        let of = |site: &Site| {
            Some(LossSite { location: site.location()?, lost: site.lost.load(Ordering::Relaxed) })
        };
        let mut top: Vec<_> = self.sites.iter().filter_map(of).collect();
        top.sort_by(|a, b| (Reverse(a.lost), &a.location).cmp(&(Reverse(b.lost), &b.location)));
        let others = self.others.load(Ordering::Relaxed);
        if others > 0 {
            top.push(LossSite { location: "(other places)".to_owned(), lost: others });
        }
        top
    }
}

/// Of a place; never 0.
fn key(file: &str, line: u32, column: u32) -> u64 {
    let mut hash = Fnv::new();
    hash.add(file.bytes());
    hash.add(line.to_le_bytes());
    hash.add(column.to_le_bytes());
    hash.get().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_apart_and_the_worst_comes_first() {
        let sites = LossSites::new();
        let long = format!("{}/src/main.rs", "ä".repeat(100));
        for _ in 0..3 {
            sites.record(&long, 7, 9);
        }
        sites.record("src/lib.rs", 7, 9);
        sites.record("src/lib.rs", 8, 9);
        let top = sites.top();
        assert_eq!(top.len(), 3);
        assert!(top[0].location.ends_with("ä/src/main.rs:7:9") && top[0].location.starts_with('ä'));
        assert_eq!(top.iter().map(|site| site.lost).collect::<Vec<_>>(), [3, 1, 1]);
        assert_eq!(top[1].location, "src/lib.rs:7:9");
    }

    #[test]
    fn a_full_table_still_counts_every_loss() {
        let sites = LossSites::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|line| sites.record("src/lib.rs", line, 1)));
            }
        });
        let top = sites.top();
        assert_eq!(top.len(), SITES + 1);
        assert_eq!(top.last().unwrap().location, "(other places)");
        assert_eq!(top.iter().map(|site| site.lost).sum::<u64>(), 400);
    }
}
