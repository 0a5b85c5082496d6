//! The payload's life after the raise: who reads it, who drops it.
//!
//! Runs on: the panicking thread (`follow`) and whoever reads or drops the payload. Must not: allocate, lock,
//! panic; touch the payload's value, other than through `Any`.

use core::any::{Any, TypeId};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::event::{Event, PanicRef, Trace};
use super::payload_owners::Key;
use super::raise::{Cause, Exception};
use super::vtable::{self, VtableCopy};
use super::{LOST, MAX_READS, Text, payload_owners, self_test, state, wrapper_notes};
use crate::capture::stack::short_walk;
use crate::platform;

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
    /// What tells the payload from others, if it is traced.
    key: Option<Key>,
}

impl Followed {
    fn untraced(panic: PanicRef, trace: Trace) -> Self {
        Self { panic, payload: 0, vtable: 0, trace, hops: 0, key: None }
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
    if found != canary && !platform::std().trusts(found) {
        return Followed::untraced(fresh(), Trace::OtherRuntime);
    }
    // SAFETY: the canary says that std made it, whose layout the trial verified.
    let Cause { data: payload, vtable: current, .. } = unsafe { (*exception).cause };
    if let Some(copy) = vtable::copy(current) {
        let key = Key { copy, payload };
        let (panic, hops) = match payload_owners::hop(key) {
            Some(known) => (known.panic, known.count),
            None => {
                stray(key);
                (fresh(), 1)
            }
        };
        return Followed {
            panic,
            payload,
            vtable: copy.original(),
            trace: trace_of(copy),
            hops,
            key: Some(key),
        };
    }
    let panic = fresh();
    let followed = |trace, key| Followed { panic, payload, vtable: current, trace, hops: 0, key };
    // SAFETY: `current` is the vtable of the live payload.
    if unsafe { vtable::word(current, vtable::SIZE) } == 0 {
        state::EMPTY.fetch_add(1, Ordering::Relaxed);
        return followed(Trace::ZeroSized, None);
    }
    // SAFETY: as above, and the canary's std comes from this compiler.
    let own = unsafe { vtable::traced_alone(current, |copy| payload_owners::claim(copy, panic)) };
    // SAFETY: as above.
    let Some(copy) = own.or_else(|| unsafe { vtable::traced(current) }) else {
        state::UNTRACED.fetch_add(1, Ordering::Relaxed);
        return followed(Trace::TableFull, None);
    };
    let key = Key { copy, payload };
    payload_owners::insert(key, panic);
    // SAFETY: this thread owns the exception until it calls the unwinder; the copy behaves like the original.
    unsafe { (*exception).cause.vtable = copy.address() };
    followed(trace_of(copy), Some(key))
}

fn trace_of(copy: VtableCopy) -> Trace {
    if copy.own_number().is_some() { Trace::Traced } else { Trace::AtItsAddress }
}

/// Gives a panic that begins here its number.
pub(super) fn name(followed: &mut Followed, sequence: u64) {
    followed.panic.hooked = sequence;
    if let Some(key) = followed.key {
        payload_owners::insert(key, followed.panic);
    }
}

/// The text of a payload, if it is one, for a panic that no hook described.
///
/// # Safety
/// `followed` comes from [`follow`] on this thread for an exception that was not raised yet.
pub(super) unsafe fn with_text(followed: &Followed, take: impl FnOnce(Text<'_>)) {
    if !matches!(followed.trace, Trace::Traced | Trace::AtItsAddress | Trace::TableFull) {
        return;
    }
    // SAFETY: the halves of the live payload, from the std that the trial verified.
    let id = unsafe { vtable::type_id(followed.vtable, followed.payload) };
    if id == TypeId::of::<String>() {
        // SAFETY: the type id says so, and nobody else has the payload now.
        take(Text::String(unsafe { &*core::ptr::with_exposed_provenance::<String>(followed.payload) }));
    } else if id == TypeId::of::<&'static str>() {
        // SAFETY: as above.
        take(Text::Str(unsafe { *core::ptr::with_exposed_provenance::<&'static str>(followed.payload) }));
    }
}

/// Called by a traced vtable when the payload is asked for its type.
#[inline(never)]
pub(super) fn read(copy: VtableCopy, payload: usize, anchor: usize) {
    if self_test::saw(payload, self_test::READ) || state::queue().is_none() || wrapper_notes::is_speaking() {
        return;
    }
    let key = Key { copy, payload };
    let Some(known) = payload_owners::read(key) else { return stray(key) };
    let (panic, nth) = (known.panic, known.count);
    if nth > MAX_READS || panic.hooked == LOST {
        return;
    }
    state::emit(Event::Read { panic, payload: payload as u64, nth }, |entry| {
        entry.place.fill(|ips| short_walk(ips, anchor));
    });
}

/// Called by a traced vtable when the payload is dropped.
#[inline(never)]
pub(super) fn dropped(copy: VtableCopy, payload: usize, anchor: usize) {
    if self_test::saw(payload, self_test::DROPPED) {
        return;
    }
    // Also without a reader of events: the address will be another's, and so will the copy.
    let key = Key { copy, payload };
    let known = payload_owners::remove(key);
    if wrapper_notes::is_speaking() {
        return;
    }
    let Some(known) = known else { return stray(key) };
    let (panic, reads) = (known.panic, known.count);
    if panic.hooked == LOST {
        return;
    }
    state::emit(Event::Dropped { panic, payload: payload as u64, reads }, |entry| {
        entry.place.fill(|ips| short_walk(ips, anchor));
    });
}

/// A payload was read, dropped or thrown at an address at which none is known: it moved there, or its identity had
/// to make room.
fn stray(key: Key) {
    state::emit(Event::Strayed { payload: key.payload as u64, vtable: key.copy.original() as u64 }, |_| {});
}

/// The two halves of a payload's fat pointer.
pub(super) fn halves(payload: &(dyn Any + Send)) -> [usize; 2] {
    let fat: *const (dyn Any + Send) = payload;
    // SAFETY: a fat pointer to a trait object is two words, data and vtable; the trial compares both with what
    // it finds in the exception before anybody relies on it.
    let halves = unsafe { core::mem::transmute::<*const (dyn Any + Send), [*const (); 2]>(fat) };
    halves.map(|half| half.expose_provenance())
}
