//! Traced vtables: immortal copies of payload vtables whose drop glue and `type_id` report before they call
//! the originals.
//!
//! Runs on: panicking threads (`traced`), and whoever reads or drops a payload (the thunks). Must not:
//! allocate, lock, panic; change what the program sees: size, alignment, type id and destructor stay the
//! original's.
//!
//! A thunk finds its original by its own number, not by the payload: there are as many compiled thunks as
//! table entries. So a payload keeps its destructor whatever else was forgotten about it.

use core::any::TypeId;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use super::dispose;

/// Payload types (more exactly: vtables, of which a type has one per codegen unit that makes payloads of it)
/// that can be traced. Programs that were looked at have one to five.
const SHARED_COPIES: usize = 64;
/// Copies for one payload at a time. Of payloads that live at once, or end without their drop glue, more than these
/// share a copy with others of their type.
pub(super) const OWN_COPIES: usize = 64;
const COPIES: usize = SHARED_COPIES + OWN_COPIES;

/// The word of a vtable that holds each thing: rustc's layout, verified by the trial at installation.
const DROP: usize = 0;
pub(super) const SIZE: usize = 1;
const TYPE_ID: usize = 3;
const WORDS: usize = 4;

type DropGlue = unsafe fn(*mut ());
type TypeIdOf = unsafe fn(*const ()) -> TypeId;

/// The number of a copy: those that payloads share come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VtableCopy(usize);

impl VtableCopy {
    /// Which of the copies for one payload it is; `None` for one that is shared.
    pub(super) fn own_number(self) -> Option<usize> {
        self.0.checked_sub(SHARED_COPIES)
    }

    /// The copy itself.
    pub(super) fn address(self) -> usize {
        TABLE.get(self.0).map_or(0, |traced| traced.copy.as_ptr().expose_provenance())
    }

    /// The vtable as the compiler made it.
    pub(super) fn original(self) -> usize {
        TABLE.get(self.0).map_or(0, |traced| traced.original.load(Ordering::Relaxed))
    }

    #[cfg(test)]
    pub(super) fn shared(number: usize) -> Self {
        Self(number)
    }

    #[cfg(test)]
    pub(super) fn own(number: usize) -> Self {
        Self(number.wrapping_add(SHARED_COPIES))
    }
}

/// A copy and where it came from.
///
/// `state` goes from [`FREE`] to [`CLAIMED`] by the one thread that writes the rest, and to [`READY`] when it has
/// done so; nothing changes after that, so that a copy for one payload serves the next of the same type: what is still
/// asked of it after a drop, size and alignment, is the same. Two threads that meet the same vtable at the same first time use two
/// entries rather than wait for each other.
#[repr(C)]
struct Traced {
    copy: [AtomicUsize; WORDS],
    original: AtomicUsize,
    state: AtomicU8,
}

const FREE: u8 = 0;
const CLAIMED: u8 = 1;
const READY: u8 = 2;

static TABLE: [Traced; COPIES] = [const {
    Traced {
        copy: [const { AtomicUsize::new(0) }; WORDS],
        original: AtomicUsize::new(0),
        state: AtomicU8::new(FREE),
    }
}; COPIES];

/// Type id of the value behind an untraced vtable.
///
/// # Safety
/// `vtable` and `data` are the two halves of a live `dyn Any` made by the compiler that compiles this.
pub(super) unsafe fn type_id(vtable: usize, data: usize) -> TypeId {
    // SAFETY: the caller's promise.
    let function = unsafe { word(vtable, TYPE_ID) };
    // SAFETY: the fourth word of a `dyn Any` vtable is its only method; `&self` is passed as a thin pointer.
    let function = unsafe { core::mem::transmute::<usize, TypeIdOf>(function) };
    // SAFETY: `data` is the value the vtable belongs to.
    unsafe { function(core::ptr::with_exposed_provenance(data)) }
}

/// Which copy a vtable is; `None` when it is not one of ours.
pub(super) fn copy(vtable: usize) -> Option<VtableCopy> {
    let offset = vtable.wrapping_sub(TABLE.as_ptr().addr());
    let index = offset.checked_div(size_of::<Traced>())?;
    (index < COPIES).then_some(VtableCopy(index))
}

/// The copy of a vtable that payloads share; `None` when the table is full.
///
/// # Safety
/// `vtable` is the vtable of a live `dyn Any` made by the compiler that compiles this.
pub(super) unsafe fn traced(vtable: usize) -> Option<VtableCopy> {
    // SAFETY: the caller's promise.
    unsafe { find(0..SHARED_COPIES, vtable, |_| true) }
}

/// A copy of a vtable for one payload, which `take` accepted; `None` when there is none left.
///
/// # Safety
/// As [`traced`].
pub(super) unsafe fn traced_alone(vtable: usize, take: impl Fn(VtableCopy) -> bool) -> Option<VtableCopy> {
    // SAFETY: the caller's promise.
    unsafe { find(SHARED_COPIES..COPIES, vtable, take) }
}

/// # Safety
/// As [`traced`].
unsafe fn find(
    among: core::ops::Range<usize>,
    vtable: usize,
    take: impl Fn(VtableCopy) -> bool,
) -> Option<VtableCopy> {
    for index in among {
        let traced = TABLE.get(index)?;
        // Acquire pairs with the release below: a ready entry is whole.
        match traced.state.load(Ordering::Acquire) {
            READY if traced.original.load(Ordering::Relaxed) == vtable => {}
            FREE => {
                let claim =
                    traced.state.compare_exchange(FREE, CLAIMED, Ordering::Relaxed, Ordering::Relaxed);
                let (Ok(_), Some(drop), Some(type_id)) = (claim, DROPS.get(index), TYPE_IDS.get(index))
                else {
                    continue;
                };
                // SAFETY: the caller's promise.
                unsafe { traced.fill(vtable, *drop, *type_id) };
                traced.state.store(READY, Ordering::Release);
            }
            _ => continue,
        }
        if take(VtableCopy(index)) {
            return Some(VtableCopy(index));
        }
    }
    None
}

impl Traced {
    /// # Safety
    /// As [`traced`].
    unsafe fn fill(&self, vtable: usize, drop: DropGlue, type_id: TypeIdOf) {
        for (number, place) in self.copy.iter().enumerate() {
            let value = match number {
                DROP => drop as usize,
                TYPE_ID => type_id as usize,
                // SAFETY: the caller's promise.
                _ => unsafe { word(vtable, number) },
            };
            place.store(value, Ordering::Relaxed);
        }
        self.original.store(vtable, Ordering::Relaxed);
    }
}

/// # Safety
/// `vtable` is a vtable of a trait with one method, `number < WORDS`.
pub(super) unsafe fn word(vtable: usize, number: usize) -> usize {
    let place = core::ptr::with_exposed_provenance::<usize>(vtable).wrapping_add(number);
    // SAFETY: the caller's promise: a vtable is immutable and has the words drop, size, align, method.
    unsafe { *place }
}

/// What stands in the drop place of copy `N`. No value here has a destructor, so this frame is transparent to
/// an unwinding that the original starts.
unsafe fn drop_thunk<const N: usize>(data: *mut ()) {
    let anchor = 0u8;
    dispose::dropped(VtableCopy(N), data.expose_provenance(), (&raw const anchor).addr());
    let vtable = VtableCopy(N).original();
    // SAFETY: a thunk runs only through a copy, which is handed out only after its original was stored.
    let glue = (vtable != 0).then(|| unsafe { word(vtable, DROP) });
    // The original may be absent: the type needs no drop.
    if let Some(glue) = glue.filter(|glue| *glue != 0) {
        // SAFETY: word 0 of a vtable is its drop glue when it is not null.
        let glue = unsafe { core::mem::transmute::<usize, DropGlue>(glue) };
        // SAFETY: forwarded: the value is the caller's to drop, once.
        unsafe { glue(data) };
    }
}

/// What stands in the method place of copy `N`.
unsafe fn type_id_thunk<const N: usize>(data: *const ()) -> TypeId {
    let anchor = 0u8;
    dispose::read(VtableCopy(N), data.expose_provenance(), (&raw const anchor).addr());
    match TABLE.get(N) {
        Some(traced) => {
            let vtable = traced.original.load(Ordering::Relaxed);
            // SAFETY: a copy is handed out only after its original was stored; `data` is its value.
            unsafe { type_id(vtable, data.expose_provenance()) }
        }
        // Cannot be: `N` counts the table's entries.
        None => TypeId::of::<()>(),
    }
}

macro_rules! thunks {
    ($thunk:ident as $type:ty: $($number:literal)*) => { [$($thunk::<$number> as $type),*] };
}

macro_rules! numbers {
    ($thunk:ident as $type:ty) => {
        thunks!($thunk as $type:
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
            64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95
            96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120 121 122 123 124 125 126 127)
    };
}

static DROPS: [DropGlue; COPIES] = numbers!(drop_thunk as DropGlue);
static TYPE_IDS: [TypeIdOf; COPIES] = numbers!(type_id_thunk as TypeIdOf);
