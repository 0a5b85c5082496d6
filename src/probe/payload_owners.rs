//! Which panic a payload belongs to: by the copy of the vtable that is its own, else by the address of its value.
//!
//! Runs on: panicking threads, and whoever reads or drops a payload. Must not: allocate, lock, wait, panic.
//!
//! A payload with a copy of its own is known wherever it is: `Arc::from` copies the value and frees the box without
//! a call of ours, and the copy goes along. One that shares its copy is known at the address of its box only.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::event::PanicRef;
use super::vtable::{OWN_COPIES, VtableCopy};

/// Payloads that can be alive at once with their identity known by address: 128 KiB of zero pages, touched as needed.
const ENTRIES: usize = 4096;
/// Entries an address may use: the one it hashes to and its neighbours, four cache lines.
const WINDOW: usize = 8;
/// Key of an entry that is being written.
const BUSY: usize = 1;

/// What tells a payload from others.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// The vtable that it has.
    pub(super) copy: VtableCopy,
    /// Address of its value.
    pub(super) payload: usize,
}

/// A panic and what was counted of its payload.
struct Identity {
    serial: AtomicU64,
    hooked: AtomicU64,
    hops: AtomicU32,
    reads: AtomicU32,
}

/// Identity of one live payload that shares its vtable.
///
/// `payload` is the key: 0 free, [`BUSY`] being written, else the address. A payload has one owner, so two
/// threads never write the same key; a thread that must make room for its own takes an entry by CAS. The
/// release store of the key publishes the other fields; a reader checks the key again after it read them.
struct Live {
    payload: AtomicUsize,
    identity: Identity,
}

static LIVE: [Live; ENTRIES] =
    [const { Live { payload: AtomicUsize::new(0), identity: Identity::NONE } }; ENTRIES];

/// Identities of the payloads that have a copy of their own, by the number of the copy.
///
/// `serial` 0: the copy is free. [`claim`] takes it by CAS, [`remove`] gives it back when the payload is dropped,
/// after which nobody asks through it any more. A payload that ends without its drop glue (`downcast` by value,
/// `mem::forget`) keeps its copy for ever: nothing tells that it is gone.
static OWN: [Identity; OWN_COPIES] = [const { Identity::NONE }; OWN_COPIES];

/// Payloads whose identity had to make room while they may still have lived: their later events belong to no panic.
pub(super) static EVICTED: AtomicU64 = AtomicU64::new(0);

/// What is known of a payload.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) panic: PanicRef,
    /// Re-raises, or reads, including this one.
    pub(super) count: u32,
}

impl Identity {
    #[allow(clippy::declare_interior_mutable_const, reason = "the beginning of each entry of the tables")]
    const NONE: Self = Self {
        serial: AtomicU64::new(0),
        hooked: AtomicU64::new(0),
        hops: AtomicU32::new(0),
        reads: AtomicU32::new(0),
    };

    fn begin(&self, panic: PanicRef) {
        self.serial.store(panic.serial, Ordering::Relaxed);
        self.hooked.store(panic.hooked, Ordering::Relaxed);
        self.hops.store(0, Ordering::Relaxed);
        self.reads.store(0, Ordering::Relaxed);
    }

    fn panic(&self) -> PanicRef {
        PanicRef { serial: self.serial.load(Ordering::Acquire), hooked: self.hooked.load(Ordering::Acquire) }
    }
}

/// Takes a copy of a vtable for one payload; whether it was free. For [`vtable::traced_alone`].
///
/// [`vtable::traced_alone`]: super::vtable::traced_alone
pub(super) fn claim(copy: VtableCopy, panic: PanicRef) -> bool {
    // Acquire pairs with the release in `remove`: what was counted of the last payload was read before.
    let take = |own: &Identity| {
        own.serial.compare_exchange(0, panic.serial, Ordering::Acquire, Ordering::Relaxed).is_ok()
    };
    own(copy).is_some_and(take)
}

/// A payload was raised for the first time. A value that lived at the same address before is forgotten.
pub(super) fn insert(key: Key, panic: PanicRef) {
    if let Some(own) = own(key.copy) {
        return own.begin(panic);
    }
    let payload = key.payload;
    let entry = find(payload).or_else(|| {
        window(payload)
            .find(|live| live.payload.compare_exchange(0, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok())
    });
    let Some(live) = entry.or_else(|| evict(payload)) else {
        EVICTED.fetch_add(1, Ordering::Relaxed);
        return;
    };
    live.identity.begin(panic);
    live.payload.store(payload, Ordering::Release);
}

/// A payload was raised once more.
pub(super) fn hop(key: Key) -> Option<Known> {
    let count = |identity: &Identity| {
        // What was read before the hop no longer matters: who catches it next counts anew.
        identity.reads.store(0, Ordering::Relaxed);
        identity.hops.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    };
    known(key, count)
}

/// A payload was read.
pub(super) fn read(key: Key) -> Option<Known> {
    known(key, |identity| identity.reads.fetch_add(1, Ordering::Relaxed).saturating_add(1))
}

/// The panic of a payload.
pub(super) fn peek(key: Key) -> Option<PanicRef> {
    known(key, |_| 0).map(|known| known.panic)
}

/// A payload ends; `count` is the number of its reads.
pub(super) fn remove(key: Key) -> Option<Known> {
    if let Some(own) = own(key.copy) {
        let known = Known { panic: own.panic(), count: own.reads.load(Ordering::Relaxed) };
        // Release: see `claim`.
        own.serial.store(0, Ordering::Release);
        return (known.panic.serial != 0).then_some(known);
    }
    let live = find(key.payload)?;
    let known = Known { panic: live.identity.panic(), count: live.identity.reads.load(Ordering::Relaxed) };
    live.payload.compare_exchange(key.payload, 0, Ordering::Release, Ordering::Relaxed).ok()?;
    Some(known)
}

fn known(key: Key, count: impl FnOnce(&Identity) -> u32) -> Option<Known> {
    if let Some(own) = own(key.copy) {
        let panic = own.panic();
        return (panic.serial != 0).then(|| Known { panic, count: count(own) });
    }
    let live = find(key.payload)?;
    let known = Known { panic: live.identity.panic(), count: count(&live.identity) };
    // Another payload may have taken the entry meanwhile (only under eviction).
    (live.payload.load(Ordering::Acquire) == key.payload).then_some(known)
}

/// The identity that goes with a copy; `None` for a copy that payloads share.
fn own(copy: VtableCopy) -> Option<&'static Identity> {
    OWN.get(copy.own_number()?)
}

fn find(payload: usize) -> Option<&'static Live> {
    window(payload).find(|live| live.payload.load(Ordering::Acquire) == payload)
}

/// Takes the entry of the oldest panic near this address.
fn evict(payload: usize) -> Option<&'static Live> {
    let oldest = window(payload).min_by_key(|live| live.identity.serial.load(Ordering::Relaxed))?;
    let key = oldest.payload.load(Ordering::Relaxed);
    let taken = key != BUSY
        && oldest.payload.compare_exchange(key, BUSY, Ordering::Acquire, Ordering::Relaxed).is_ok();
    if taken {
        EVICTED.fetch_add(1, Ordering::Relaxed);
    }
    taken.then_some(oldest)
}

fn window(payload: usize) -> impl Iterator<Item = &'static Live> {
    // Heap addresses differ in the bits above the alignment; the multiplier spreads them over the top bits.
    let hash = (payload as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    (0..WINDOW).filter_map(move |step| LIVE.get((hash as usize).wrapping_add(step) % ENTRIES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panic(serial: u64) -> PanicRef {
        PanicRef { serial, hooked: serial }
    }

    fn at(payload: usize) -> Key {
        Key { copy: VtableCopy::shared(0), payload }
    }

    // The table belongs to the process: each test uses addresses of its own, far from others' windows only by
    // chance, so they assert on their own payloads alone.
    #[test]
    fn a_payload_keeps_its_panic_until_it_is_removed() {
        insert(at(0x7000_1000), panic(11));
        assert_eq!(read(at(0x7000_1000)).unwrap().count, 1);
        assert_eq!(read(at(0x7000_1000)).unwrap().count, 2);
        assert_eq!(hop(at(0x7000_1000)).unwrap().count, 1);
        let end = remove(at(0x7000_1000)).unwrap();
        assert_eq!((end.panic, end.count), (panic(11), 0));
        assert!(read(at(0x7000_1000)).is_none());
    }

    #[test]
    fn a_new_panic_at_an_old_address_takes_its_place() {
        insert(at(0x7000_2000), panic(12));
        insert(at(0x7000_2000), panic(13));
        assert_eq!(remove(at(0x7000_2000)).unwrap().panic, panic(13));
        assert!(remove(at(0x7000_2000)).is_none());
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
        let evicted = || EVICTED.load(Ordering::Relaxed);
        let before = evicted();
        for (serial, payload) in same.iter().enumerate() {
            insert(at(*payload), panic(100 + serial as u64));
        }
        assert!(evicted() > before);
        assert_eq!(remove(at(*same.last().unwrap())).unwrap().panic, panic(100 + WINDOW as u64));
        for payload in same {
            remove(at(payload));
        }
    }

    #[test]
    fn a_payload_with_a_copy_of_its_own_is_known_wherever_it_is_and_the_copy_is_used_again_after_its_drop() {
        let copy = VtableCopy::own(OWN_COPIES - 1);
        let at = |payload| Key { copy, payload };
        assert!(claim(copy, panic(14)) && !claim(copy, panic(15)), "one payload at a time");
        insert(at(0x7000_3000), panic(14));
        assert_eq!(read(at(0x7000_3000)).unwrap().count, 1);
        assert_eq!(read(at(0x7000_4000)).unwrap().count, 2, "moved into an `Arc`");
        assert_eq!(peek(at(0x7000_4000)), Some(panic(14)));
        assert_eq!(remove(at(0x7000_4000)).unwrap().panic, panic(14));
        assert!(read(at(0x7000_4000)).is_none());
        assert!(claim(copy, panic(15)));
        assert_eq!(remove(at(0x7000_3000)).unwrap().panic.serial, 15);
    }
}
