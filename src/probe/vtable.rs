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
use core::sync::atomic::{AtomicUsize, Ordering};

use super::dispose;

/// Payload types (more exactly: vtables, of which a type has one per codegen unit that makes payloads of it)
/// that can be traced. Programs that were looked at have one to five.
pub(super) const TRACED_VTABLES: usize = 64;

/// The word of a vtable that holds each thing: rustc's layout, verified by the trial at installation.
const DROP: usize = 0;
const SIZE: usize = 1;
const TYPE_ID: usize = 3;
const WORDS: usize = 4;

type DropGlue = unsafe fn(*mut ());
type TypeIdOf = unsafe fn(*const ()) -> TypeId;

/// A copy and where it came from.
///
/// `original` goes from 0 to an address once. Every thread that wants the copy writes all words itself before
/// it uses it, with the same values, so nobody waits for anybody; a payload that crosses threads carries the
/// ordering with it.
#[repr(C)]
struct Traced {
    copy: [AtomicUsize; WORDS],
    original: AtomicUsize,
}

static TABLE: [Traced; TRACED_VTABLES] =
    [const { Traced { copy: [const { AtomicUsize::new(0) }; WORDS], original: AtomicUsize::new(0) } };
        TRACED_VTABLES];

/// Size that a vtable states.
///
/// # Safety
/// `vtable` is the vtable of a live trait object.
pub(super) unsafe fn size_of_value(vtable: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { word(vtable, SIZE) }
}

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
    unsafe { function(data as *const ()) }
}

/// The original of a traced vtable; `None` when `vtable` is not one of ours.
pub(super) fn original(vtable: usize) -> Option<usize> {
    let offset = vtable.wrapping_sub(TABLE.as_ptr().addr());
    let traced = TABLE.get(offset / size_of::<Traced>())?;
    Some(traced.original.load(Ordering::Relaxed))
}

/// The traced copy of a vtable; `None` when the table is full.
///
/// # Safety
/// `vtable` is the vtable of a live `dyn Any` made by the compiler that compiles this.
pub(super) unsafe fn traced(vtable: usize) -> Option<usize> {
    let (index, traced) = TABLE.iter().enumerate().find(|(_, traced)| {
        // Relaxed: the address publishes nothing, see `Traced`.
        match traced.original.compare_exchange(0, vtable, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(seen) => seen == vtable,
        }
    })?;
    for (number, place) in traced.copy.iter().enumerate() {
        let value = match number {
            DROP => DROPS.get(index).map(|thunk| *thunk as usize)?,
            TYPE_ID => TYPE_IDS.get(index).map(|thunk| *thunk as usize)?,
            // SAFETY: the caller's promise.
            _ => unsafe { word(vtable, number) },
        };
        place.store(value, Ordering::Relaxed);
    }
    Some(traced.copy.as_ptr().addr())
}

/// # Safety
/// `vtable` is a vtable of a trait with one method, `number < WORDS`.
unsafe fn word(vtable: usize, number: usize) -> usize {
    let place = (vtable as *const usize).wrapping_add(number);
    // SAFETY: the caller's promise: a vtable is immutable and has the words drop, size, align, method.
    unsafe { *place }
}

/// What stands in the drop place of copy `N`. No value here has a destructor, so this frame is transparent to
/// an unwinding that the original starts.
unsafe fn drop_thunk<const N: usize>(data: *mut ()) {
    let anchor = 0u8;
    dispose::dropped(data.addr(), (&raw const anchor).addr());
    // The original may be absent: the type needs no drop.
    if let Some(glue) = original_word(N, DROP).filter(|glue| *glue != 0) {
        // SAFETY: word 0 of a vtable is its drop glue when it is not null.
        let glue = unsafe { core::mem::transmute::<usize, DropGlue>(glue) };
        // SAFETY: forwarded: the value is the caller's to drop, once.
        unsafe { glue(data) };
    }
}

/// What stands in the method place of copy `N`.
unsafe fn type_id_thunk<const N: usize>(data: *const ()) -> TypeId {
    let anchor = 0u8;
    dispose::read(data.addr(), (&raw const anchor).addr());
    match TABLE.get(N) {
        Some(traced) => {
            let vtable = traced.original.load(Ordering::Relaxed);
            // SAFETY: a copy is handed out only after its original was stored; `data` is its value.
            unsafe { type_id(vtable, data.addr()) }
        }
        // Cannot be: `N` counts the table's entries.
        None => TypeId::of::<()>(),
    }
}

fn original_word(index: usize, number: usize) -> Option<usize> {
    let vtable = TABLE.get(index)?.original.load(Ordering::Relaxed);
    // SAFETY: a thunk runs only through a copy, which is handed out only after its original was stored.
    (vtable != 0).then(|| unsafe { word(vtable, number) })
}

macro_rules! thunks {
    ($thunk:ident as $type:ty: $($number:literal)*) => { [$($thunk::<$number> as $type),*] };
}

macro_rules! numbers {
    ($thunk:ident as $type:ty) => {
        thunks!($thunk as $type:
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63)
    };
}

static DROPS: [DropGlue; TRACED_VTABLES] = numbers!(drop_thunk as DropGlue);
static TYPE_IDS: [TypeIdOf; TRACED_VTABLES] = numbers!(type_id_thunk as TypeIdOf);
