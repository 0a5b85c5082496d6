//! The labels of one thread: a fixed arena in a thread-local without destructor.
//!
//! Runs on: every thread that uses labels, and the panicking thread (`copy_into`). Must not: allocate, run
//! foreign code while the arena is borrowed; rely on anything that ends before the thread does.

use core::cell::{Cell, RefCell};

use super::Handover;
use super::request;
use crate::record::{LabelBytes, RawFlag, RawRecord, start_of};

/// Labels that a thread can have at a time; the bytes are usually used up first.
const MAX_LABELS: usize = 64;

thread_local! {
    /// Borrowed for a few instructions at a time, by this thread. No destructor: destructors of other
    /// thread-locals may still drop guards and panic.
    static ARENA: RefCell<Arena> = const { RefCell::new(Arena::new()) };
    /// Id of the label that came last on this thread, in whatever arena. Wraps past 0; after 2³² labels an id could
    /// repeat while its first bearer is still in force, and then the older one is removed first.
    static LAST_ID: Cell<u32> = const { Cell::new(0) };
}

/// Names one label in the arena of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// 0 when there was no room for the label.
    pub(super) id: u32,
    /// Whether something of it is missing.
    pub(super) cut: bool,
}

#[derive(Clone)]
pub(super) struct Arena {
    /// The labels in the form in which a record takes them, in the order in which they came in force.
    labels: LabelBytes,
    /// Id of each label; 0 for one that no guard owns.
    ids: [u32; MAX_LABELS],
    count: usize,
    /// Labels in force of which something is missing.
    cut: u32,
    /// The request that the thread or task works for.
    pub(super) request: request::Ticket,
}

impl Arena {
    const fn new() -> Self {
        Self { labels: LabelBytes::new(), ids: [0; MAX_LABELS], count: 0, cut: 0, request: 0 }
    }

    /// Adds a label; 0 stands for an id that no guard has.
    pub(super) fn push(&mut self, id: u32, key: &str, value: &str, cut: bool) -> Entry {
        let mut entry = Entry { id: 0, cut: true };
        if let Some(place) = self.ids.get_mut(self.count) {
            let room = self.labels.room_for_value(key);
            let fits = room.map(|room| start_of(value, room));
            if let Some(kept) = fits.filter(|kept| self.labels.push(key, kept)) {
                *place = id;
                self.count = self.count.saturating_add(1);
                entry = Entry { id, cut: cut || kept.len() < value.len() };
            }
        }
        self.cut = self.cut.saturating_add(u32::from(entry.cut));
        entry
    }

    /// No guard owns any of these labels any more.
    pub(super) fn disown(&mut self) {
        self.ids.iter_mut().take(self.count).for_each(|id| *id = 0);
    }

    /// Exchanges two arenas, touching no more than they use.
    fn exchange(&mut self, other: &mut Self) {
        self.labels.exchange(&mut other.labels);
        let used = self.count.max(other.count);
        for (this, that) in self.ids.iter_mut().zip(&mut other.ids).take(used) {
            core::mem::swap(this, that);
        }
        core::mem::swap(&mut self.count, &mut other.count);
        core::mem::swap(&mut self.cut, &mut other.cut);
        core::mem::swap(&mut self.request, &mut other.request);
    }

    /// Takes labels over as the outermost ones. There are none yet; no guard will ever remove these.
    fn take_over(&mut self, from: &Handover) {
        if self.count > 0 {
            return;
        }
        let Handover { labels, cut } = from;
        self.labels.clear();
        // Cannot fail: the arena they come from is as large.
        self.labels.extend_encoded(labels.as_bytes());
        self.count = labels.pairs().take(MAX_LABELS).count();
        self.disown();
        self.cut = u32::from(*cut);
    }

    fn remove(&mut self, entry: Entry) {
        self.cut = self.cut.saturating_sub(u32::from(entry.cut));
        let live = self.ids.get(..self.count).unwrap_or_default();
        let Some(index) = live.iter().position(|&id| id == entry.id && id != 0) else { return };
        self.labels.remove(index);
        self.ids.copy_within(index.saturating_add(1)..self.count, index);
        self.count = self.count.saturating_sub(1);
    }
}

/// Puts a label in force; it shadows those with the same key. `cut` says that a part was cut off before.
///
/// # Cost
/// No allocation; one copy of key and value.
pub(super) fn push(key: &str, value: &str, cut: bool) -> Entry {
    ARENA.with(|arena| match arena.try_borrow_mut() {
        Ok(mut arena) => {
            LAST_ID.set(LAST_ID.get().wrapping_add(1).max(1));
            arena.push(LAST_ID.get(), key, value, cut)
        }
        // Only a signal handler that interrupts the arena's own code gets here.
        Err(_) => Entry { id: 0, cut: false },
    })
}

/// Puts a label out of force, wherever it stands.
///
/// # Cost
/// No allocation; moves the labels that came after it.
pub(super) fn remove(entry: Entry) {
    ARENA.with(|arena| {
        if let Ok(mut arena) = arena.try_borrow_mut() {
            arena.remove(entry);
        }
    });
}

/// A copy of this thread's arena, whose labels no guard owns.
pub(super) fn inherit() -> Box<Arena> {
    let mut copy = Box::new(const { Arena::new() });
    ARENA.with(|arena| {
        if let Ok(arena) = arena.try_borrow() {
            // Cannot fail: the two are equally large.
            copy.labels.extend_encoded(arena.labels.as_bytes());
            (copy.count, copy.cut, copy.request) = (arena.count, arena.cut, arena.request);
        }
    });
    copy
}

/// Whether there is anything in this thread's arena.
pub(super) fn is_empty() -> bool {
    ARENA.with(|arena| {
        arena.try_borrow().is_ok_and(|arena| arena.count == 0 && arena.cut == 0 && arena.request == 0)
    })
}

/// The labels in force on this thread as `key=value`.
#[cfg(feature = "__testing")]
pub(super) fn pairs() -> Vec<String> {
    ARENA.with(|arena| {
        let Ok(arena) = arena.try_borrow() else { return Vec::new() };
        arena.labels.pairs().map(|(key, value)| format!("{key}={value}")).collect()
    })
}

/// Exchanges this thread's arena for another.
pub(super) fn swap(other: &mut Arena) {
    ARENA.with(|arena| {
        // Only a signal handler that interrupts the arena's own code finds it borrowed.
        if let Ok(mut arena) = arena.try_borrow_mut() {
            arena.exchange(other);
        }
    });
}

/// Names this thread among those that live.
pub(super) fn thread() -> usize {
    ARENA.with(|arena| core::ptr::from_ref(arena).addr())
}

/// Copies the labels in force on this thread.
///
/// # Cost
/// One copy of at most [`LABEL_BYTES`](crate::record) bytes.
pub(super) fn copy_into(record: &mut RawRecord) {
    ARENA.with(|arena| {
        let Ok(arena) = arena.try_borrow() else { return record.set_flag(RawFlag::NoLabels) };
        if !record.labels.extend_encoded(arena.labels.as_bytes()) {
            record.set_flag(RawFlag::NoLabels);
        }
        if arena.cut > 0 {
            record.set_flag(RawFlag::LabelsTruncated);
        }
        if !request::is_open(arena.request) {
            record.set_flag(RawFlag::Late);
        }
    });
}

/// Copies the labels in force on this thread.
pub(super) fn hand_over(to: &mut Handover) {
    to.labels.clear();
    to.cut = false;
    ARENA.with(|arena| {
        if let Ok(arena) = arena.try_borrow() {
            to.labels.extend_encoded(arena.labels.as_bytes());
            to.cut = arena.cut > 0;
        }
    });
}

/// Copies the innermost value of one label, if it is in force on this thread.
pub(super) fn hand_over_only(wanted: &str, to: &mut Handover) {
    to.labels.clear();
    to.cut = false;
    ARENA.with(|arena| {
        if let Ok(arena) = arena.try_borrow()
            && let Some((key, value)) = arena.labels.pairs().filter(|(key, _)| *key == wanted).last()
        {
            // It fits: it is in an arena of the same size, with others.
            to.cut = !to.labels.push(key, value);
        }
    });
}

/// Puts labels of the parent in force on this thread.
pub(super) fn take_over(from: &Handover) {
    ARENA.with(|arena| {
        if let Ok(mut arena) = arena.try_borrow_mut() {
            arena.take_over(from);
        }
    });
}
