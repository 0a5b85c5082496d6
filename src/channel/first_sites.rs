//! Which places of the program have had a report lately: a fixed table, so that the first panic of each is never lost to a
//! storm of another. The writer empties it now and then, so that a place which panics rarely is a new one each time.
//!
//! Runs on: panicking threads. Must not: allocate, lock, panic.
//!
//! Open addressing over [`SITES`] words, each the hash of a place or 0. A word is taken by one CAS. A place is entered when
//! it gets a slot; who finds no slot enters its place, and if that was new takes one of the reserve. When there is none either,
//! it is taken out again, for the next panic there. Taking out may cut a chain, so a place may then stand there twice, which
//! harms nobody.

use super::sync::{AtomicU64, Ordering};

/// Places that are told apart. The first panics of further ones may be lost.
#[cfg(not(panic_agent_loom))]
const SITES: usize = 1024;
#[cfg(panic_agent_loom)]
const SITES: usize = 4;
/// Words that are looked at for one place.
const LOOKS: usize = 16;

/// See the module.
pub(super) struct FirstSites(Box<[AtomicU64]>);

/// A place, by the hash of what tells it apart: address of the file's name, line, column; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site(u64);

impl Site {
    /// The text of the name is not looked at: a place that is compiled twice may have two, and is then taken for two places.
    ///
    /// # Cost
    /// A few instructions.
    pub(crate) fn new(file: &str, line: u32, column: u32) -> Self {
        Self::of(file.as_ptr().addr() as u64, line, column)
    }

    fn of(file: u64, line: u32, column: u32) -> Self {
        let place = u64::from(line) << 32 | u64::from(column);
        // Odd multipliers of a golden ratio; the high bits are the mixed ones.
        let mixed = (file ^ place.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self((mixed ^ mixed >> 32).max(1))
    }
}

impl FirstSites {
    /// No place has been seen.
    pub(super) fn new() -> Self {
        Self((0..SITES).map(|_| AtomicU64::new(0)).collect())
    }

    /// Enters a place; whether it was not there before. `false`, too, when there is no room for it.
    ///
    /// # Cost
    /// No allocation; one load where the place is known.
    pub(super) fn enter(&self, site: Site) -> bool {
        for word in self.words(site) {
            // Relaxed: a word publishes nothing; who takes it is all that matters, and one CAS decides that.
            let mut seen = word.load(Ordering::Relaxed);
            if seen == 0 {
                match word.compare_exchange(0, site.0, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(now) => seen = now,
                }
            }
            if seen == site.0 {
                return false;
            }
        }
        false
    }

    /// By the writer: every place is new again.
    pub(super) fn forget(&self) {
        // Relaxed: who enters a place meanwhile has it forgotten, or not.
        self.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// By the thread that entered it and found no slot.
    pub(super) fn take_out(&self, site: Site) {
        for word in self.words(site) {
            if word.compare_exchange(site.0, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return;
            }
        }
    }

    fn words(&self, site: Site) -> impl Iterator<Item = &AtomicU64> {
        let start = (site.0 as usize).checked_rem(SITES).unwrap_or(0);
        let (before, from) = self.0.split_at_checked(start).unwrap_or((&[], &self.0));
        from.iter().chain(before).take(LOOKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed address: where the loader puts a text differs from run to run, and with it which places crowd each other.
    const FILE: u64 = 0x5555_0000_1000;

    #[test]
    fn a_place_is_new_once_and_again_when_it_was_taken_out() {
        let sites = FirstSites::new();
        let all: Vec<_> = (0..200).map(|line| Site::of(FILE, line, 9)).collect();
        assert!(all.iter().all(|site| sites.enter(*site)));
        assert!(!all.iter().any(|site| sites.enter(*site)));
        sites.take_out(all[7]);
        assert!(sites.enter(all[7]) && !sites.enter(all[7]) && !sites.enter(all[8]));
        sites.forget();
        assert!(all.iter().all(|site| sites.enter(*site)));
    }

    #[test]
    fn a_full_table_has_no_new_places() {
        let sites = FirstSites::new();
        let entered = (0..100_000).filter(|line| sites.enter(Site::of(FILE, *line, 1))).count();
        assert_eq!(entered, SITES);
    }

    #[test]
    fn of_many_threads_one_is_the_first() {
        let sites = FirstSites::new();
        let first = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let new = (0..200).filter(|line| sites.enter(Site::of(FILE, *line, 1))).count();
                    first.fetch_add(new, std::sync::atomic::Ordering::Relaxed);
                });
            }
        });
        assert_eq!(first.into_inner(), 200);
    }
}
