//! The payload's life after the raise: who reads it, who drops it.
//!
//! Runs on: the panicking thread (`follow`) and whoever reads or drops the payload. Must not: allocate, lock,
//! panic; touch the payload's value, other than through `Any`.

use core::any::{Any, TypeId};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::event::{Event, PanicRef, Trace};
use super::raise::{Cause, Exception};
use super::{LOST, MAX_READS, Text, foreign, live, note, place, state, trial, vtable};

/// The canary of the exceptions that may be traced: the address of a static of the one std whose exception
/// layout and vtables the trial verified. 0: the tracer is off. Written by the installer, read by raises.
static CANARY: AtomicUsize = AtomicUsize::new(0);

/// Switches the tracer on for exceptions with this canary, or off with 0. Payloads that are traced already
/// stay traced: their vtable is part of them now.
pub(super) fn trust(canary: usize) {
    // Relaxed: the address publishes nothing else.
    CANARY.store(canary, Ordering::Relaxed);
}

/// What [`follow`] found out.
pub(super) struct Followed {
    pub(super) panic: PanicRef,
    pub(super) payload: usize,
    /// The vtable as the compiler made it.
    pub(super) vtable: usize,
    pub(super) trace: Trace,
    pub(super) hops: u32,
}

impl Followed {
    fn untraced(panic: PanicRef, trace: Trace) -> Self {
        Self { panic, payload: 0, vtable: 0, trace, hops: 0 }
    }
}

/// Gives the exception's payload a traced vtable, or recognises the one it has. `hooked` is the hook's number
/// for a panic that begins here.
///
/// # Safety
/// `exception` is a live Rust exception that this thread is about to raise.
pub(super) unsafe fn follow(exception: *mut Exception, hooked: u64) -> Followed {
    let canary = CANARY.load(Ordering::Relaxed);
    let fresh = || PanicRef { serial: state::next_serial(), hooked };
    if canary == 0 {
        return Followed::untraced(fresh(), Trace::Off);
    }
    // SAFETY: every Rust exception has a canary behind the unwinder's header; std's own check reads it.
    let found = unsafe { (*exception).cause.canary };
    if found != canary && !foreign::trusts(found) {
        return Followed::untraced(fresh(), Trace::OtherRuntime);
    }
    // SAFETY: the canary says that std made it, whose layout the trial verified.
    let Cause { data: payload, vtable: current, .. } = unsafe { (*exception).cause };
    if let Some(original) = vtable::original(current) {
        let (panic, hops) = match live::hop(payload) {
            Some(known) => (known.panic, known.count),
            None => (fresh(), 1),
        };
        return Followed { panic, payload, vtable: original, trace: Trace::Traced, hops };
    }
    let panic = fresh();
    let followed = |trace| Followed { panic, payload, vtable: current, trace, hops: 0 };
    // SAFETY: `current` is the vtable of the live payload.
    if unsafe { vtable::size_of_value(current) } == 0 {
        state::count_empty();
        return followed(Trace::ZeroSized);
    }
    // SAFETY: as above, and the canary's std comes from this compiler.
    let Some(traced) = (unsafe { vtable::traced(current) }) else {
        state::count_untraced();
        return followed(Trace::TableFull);
    };
    live::insert(payload, panic);
    // SAFETY: this thread owns the exception until it calls the unwinder; the copy behaves like the original.
    unsafe { (*exception).cause.vtable = traced };
    followed(Trace::Traced)
}

/// Gives a panic that begins here its number.
pub(super) fn name(followed: &mut Followed, sequence: u64) {
    followed.panic.hooked = sequence;
    if followed.trace == Trace::Traced {
        live::insert(followed.payload, followed.panic);
    }
}

/// The text of a payload, if it is one, for a panic that no hook described.
///
/// # Safety
/// `followed` comes from [`follow`] on this thread for an exception that was not raised yet.
pub(super) unsafe fn with_text(followed: &Followed, take: impl FnOnce(Text<'_>)) {
    if followed.trace != Trace::Traced && followed.trace != Trace::TableFull {
        return;
    }
    // SAFETY: the halves of the live payload, from the std that the trial verified.
    let id = unsafe { vtable::type_id(followed.vtable, followed.payload) };
    if id == TypeId::of::<String>() {
        // SAFETY: the type id says so, and nobody else has the payload now.
        take(Text::String(unsafe { &*(followed.payload as *const String) }));
    } else if id == TypeId::of::<&'static str>() {
        // SAFETY: as above.
        take(Text::Str(unsafe { *(followed.payload as *const &'static str) }));
    }
}

/// Called by a traced vtable when the payload is asked for its type.
#[inline(never)]
pub(super) fn read(payload: usize, anchor: usize) {
    if trial::saw(payload, trial::READ) || state::queue().is_none() || note::is_speaking() {
        return;
    }
    let known = live::read(payload);
    let nth = known.map_or(1, |known| known.count);
    if nth > MAX_READS {
        return;
    }
    let panic = known.map_or(PanicRef::NONE, |known| known.panic);
    if panic.hooked == LOST {
        return;
    }
    state::emit(Event::Read { panic, payload: payload as u64, nth }, |entry| {
        entry.place.fill(|ips| place::here(ips, anchor));
    });
}

/// Called by a traced vtable when the payload is dropped.
#[inline(never)]
pub(super) fn dropped(payload: usize, anchor: usize) {
    if trial::saw(payload, trial::DROPPED) {
        return;
    }
    // Also without a reader of events: the address will be another's.
    let known = live::remove(payload);
    let panic = known.map_or(PanicRef::NONE, |known| known.panic);
    let reads = known.map_or(0, |known| known.count);
    if panic.hooked == LOST || note::is_speaking() {
        return;
    }
    state::emit(Event::Dropped { panic, payload: payload as u64, reads }, |entry| {
        entry.place.fill(|ips| place::here(ips, anchor));
    });
}

/// The two halves of a payload's fat pointer.
pub(super) fn halves(payload: &(dyn Any + Send)) -> [usize; 2] {
    let fat: *const (dyn Any + Send) = payload;
    // SAFETY: a fat pointer to a trait object is two words, data and vtable; the trial compares both with what
    // it finds in the exception before anybody relies on it.
    unsafe { core::mem::transmute::<*const (dyn Any + Send), [usize; 2]>(fat) }
}
