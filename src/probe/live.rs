//! Which panic a payload belongs to, by the address of its value.
//!
//! Runs on: panicking threads, and whoever reads or drops a payload. Must not: allocate, lock, wait, panic.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::event::PanicRef;

/// Payloads that can be alive at once with their identity known: 128 KiB of zero pages, touched as needed.
const ENTRIES: usize = 4096;
/// Entries an address may use: the one it hashes to and its neighbours, four cache lines.
const WINDOW: usize = 8;
/// Key of an entry that is being written.
const BUSY: usize = 1;

/// Identity of one live payload.
///
/// `payload` is the key: 0 free, [`BUSY`] being written, else the address. A payload has one owner, so two
/// threads never write the same key; a thread that must make room for its own takes an entry by CAS. The
/// release store of the key publishes the other fields; a reader checks the key again after it read them.
struct Live {
    payload: AtomicUsize,
    serial: AtomicU64,
    hooked: AtomicU64,
    hops: AtomicU32,
    reads: AtomicU32,
}

static LIVE: [Live; ENTRIES] = [const {
    Live {
        payload: AtomicUsize::new(0),
        serial: AtomicU64::new(0),
        hooked: AtomicU64::new(0),
        hops: AtomicU32::new(0),
        reads: AtomicU32::new(0),
    }
}; ENTRIES];

/// Payloads whose identity had to make room while they may still have lived.
static EVICTED: AtomicU64 = AtomicU64::new(0);

/// What is known of a payload.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) panic: PanicRef,
    /// Re-raises, or reads, including this one.
    pub(super) count: u32,
}

/// A payload was raised for the first time. A value that lived at the same address before is forgotten.
pub(super) fn insert(payload: usize, panic: PanicRef) {
    let entry = find(payload).or_else(|| {
        window(payload)
            .find(|live| live.payload.compare_exchange(0, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok())
    });
    let Some(live) = entry.or_else(|| evict(payload)) else {
        count_eviction();
        return;
    };
    live.serial.store(panic.serial, Ordering::Relaxed);
    live.hooked.store(panic.hooked, Ordering::Relaxed);
    live.hops.store(0, Ordering::Relaxed);
    live.reads.store(0, Ordering::Relaxed);
    live.payload.store(payload, Ordering::Release);
}

/// A payload was raised once more.
pub(super) fn hop(payload: usize) -> Option<Known> {
    let live = find(payload)?;
    // What was read before the hop no longer matters: who catches it next counts anew.
    live.reads.store(0, Ordering::Relaxed);
    known(live, payload, &live.hops)
}

/// A payload was read.
pub(super) fn read(payload: usize) -> Option<Known> {
    let live = find(payload)?;
    known(live, payload, &live.reads)
}

/// The panic of a payload.
pub(super) fn peek(payload: usize) -> Option<PanicRef> {
    let live = find(payload)?;
    let panic = panic_of(live);
    (live.payload.load(Ordering::Acquire) == payload).then_some(panic)
}

/// A payload ends; `count` is the number of its reads.
pub(super) fn remove(payload: usize) -> Option<Known> {
    let live = find(payload)?;
    let panic = panic_of(live);
    let count = live.reads.load(Ordering::Relaxed);
    live.payload.compare_exchange(payload, 0, Ordering::Release, Ordering::Relaxed).ok()?;
    Some(Known { panic, count })
}

/// Payloads whose identity was lost: their later events say [`PanicRef::NONE`].
pub(super) fn evicted() -> u64 {
    EVICTED.load(Ordering::Relaxed)
}

fn known(live: &Live, payload: usize, counter: &AtomicU32) -> Option<Known> {
    let panic = panic_of(live);
    let count = counter.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    // Another payload may have taken the entry meanwhile (only under eviction).
    (live.payload.load(Ordering::Acquire) == payload).then_some(Known { panic, count })
}

fn panic_of(live: &Live) -> PanicRef {
    PanicRef { serial: live.serial.load(Ordering::Acquire), hooked: live.hooked.load(Ordering::Acquire) }
}

fn find(payload: usize) -> Option<&'static Live> {
    window(payload).find(|live| live.payload.load(Ordering::Acquire) == payload)
}

/// Takes the entry of the oldest panic near this address.
fn evict(payload: usize) -> Option<&'static Live> {
    let oldest = window(payload).min_by_key(|live| live.serial.load(Ordering::Relaxed))?;
    let key = oldest.payload.load(Ordering::Relaxed);
    let taken = key != BUSY
        && oldest.payload.compare_exchange(key, BUSY, Ordering::Acquire, Ordering::Relaxed).is_ok();
    if taken {
        count_eviction();
    }
    taken.then_some(oldest)
}

fn count_eviction() {
    EVICTED.fetch_add(1, Ordering::Relaxed);
}

fn window(payload: usize) -> impl Iterator<Item = &'static Live> {
    // Heap addresses differ in the bits above the alignment; the multiplier spreads them over the top bits.
    let hash = (payload as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    (0..WINDOW).filter_map(move |step| LIVE.get((hash as usize).wrapping_add(step) % ENTRIES))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn panic(serial: u64) -> PanicRef {
        PanicRef { serial, hooked: serial }
    }

    // The table belongs to the process: each test uses addresses of its own, far from others' windows only by
    // chance, so they assert on their own payloads alone.
    #[test]
    fn a_payload_keeps_its_panic_until_it_is_removed() {
        insert(0x7000_1000, panic(11));
        assert_eq!(read(0x7000_1000).unwrap().count, 1);
        assert_eq!(read(0x7000_1000).unwrap().count, 2);
        assert_eq!(hop(0x7000_1000).unwrap().count, 1);
        let end = remove(0x7000_1000).unwrap();
        assert_eq!((end.panic, end.count), (panic(11), 0));
        assert!(read(0x7000_1000).is_none());
    }

    #[test]
    fn a_new_panic_at_an_old_address_takes_its_place() {
        insert(0x7000_2000, panic(12));
        insert(0x7000_2000, panic(13));
        assert_eq!(remove(0x7000_2000).unwrap().panic, panic(13));
        assert!(remove(0x7000_2000).is_none());
    }

    #[test]
    fn when_there_is_no_room_the_oldest_makes_room_and_is_counted() {
        // Addresses that share one window: same hash modulo the table.
        let slot = |payload: usize| {
            ((payload as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % ENTRIES
        };
        let first = 0x1_0000usize;
        let same: Vec<_> =
            (1..).map(|n| first + n * 16).filter(|at| slot(*at) == slot(first)).take(WINDOW + 1).collect();
        let before = evicted();
        for (serial, payload) in same.iter().enumerate() {
            insert(*payload, panic(100 + serial as u64));
        }
        assert!(evicted() > before);
        assert_eq!(remove(*same.last().unwrap()).unwrap().panic, panic(100 + WINDOW as u64));
        for payload in same {
            remove(payload);
        }
    }
}
