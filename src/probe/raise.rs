//! The beginning of every unwinding.
//!
//! Runs on: the panicking thread, after the hook, inside `_Unwind_RaiseException`'s caller. Must not:
//! allocate, lock, panic; own a value with a destructor (the frame would get a landing pad and stop being
//! transparent).

use core::ffi::c_int;

use super::event::{Event, Language, PanicRef};
use super::got::Symbol;
use super::thread_state::{Flight, Local};
use super::{LOST, dispose, self_test, state, thread_state, thread_table};
use crate::capture::stack::short_walk;
use crate::platform;

/// Exception class of Rust panics in memory order, from Rust 1.74 on.
const RUST_CLASS: u64 = u64::from_ne_bytes(*b"MOZ\0RUST");
/// `_URC_FATAL_PHASE1_ERROR`.
const FATAL: c_int = 3;

/// A Rust exception: the unwinder's header, then std's part. Only the header is promised to last; the rest is
/// verified by the trial and by the canary.
#[repr(C)]
pub(super) struct Exception {
    class: u64,
    _cleanup: usize,
    /// The unwinder's: what `land` compares is the second word, the handler frame's identity.
    pub(super) private: [usize; 2],
    pub(super) cause: Cause,
}

/// std's part of an exception.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Cause {
    pub(super) canary: usize,
    pub(super) data: usize,
    pub(super) vtable: usize,
}

type RealRaise = unsafe extern "C-unwind" fn(*mut Exception) -> c_int;

/// Stands in for `_Unwind_RaiseException`.
pub(super) unsafe extern "C-unwind" fn raise_exception(exception: *mut Exception) -> c_int {
    let anchor = 0u8;
    // SAFETY: the caller raises this exception.
    unsafe { begin(exception, (&raw const anchor).addr()) };
    let Some(real) = Symbol::RaiseException.real() else { return FATAL };
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealRaise>(real.get()) };
    // SAFETY: forwarded as it came.
    let code = unsafe { real(exception) };
    fail(exception, code);
    code
}

/// # Safety
/// `exception` is live and about to be raised by this thread.
#[inline(never)]
unsafe fn begin(exception: *mut Exception, anchor: usize) {
    thread_state::with(|local| {
        if local.trial.get().is_some() {
            // SAFETY: as promised to this function.
            unsafe { self_test::raised(local, exception) };
        } else if platform::std().raised_to_calibrate(anchor) {
            // A panic of the agent's own.
        } else if state::queue().is_some() {
            // SAFETY: as promised to this function.
            unsafe { observe(local, exception, anchor) };
        }
    });
}

/// # Safety
/// As [`begin`].
unsafe fn observe(local: &Local, exception: *mut Exception, anchor: usize) {
    let address = exception.addr();
    // SAFETY: every exception of every language begins with the unwinder's header.
    if unsafe { (*exception).class } != RUST_CLASS {
        let panic = PanicRef::NONE;
        local.begin(Flight { exception: address, panic, cleanups: 0, class: Language::Foreign });
        return;
    }
    let hooked = local.hooked.replace(0);
    // SAFETY: it is a Rust exception, and as promised to this function.
    let mut followed = unsafe { dispose::follow(exception, hooked) };
    let walked = if hooked == 0 {
        // SAFETY: `followed` comes from `follow` just above.
        unsafe { witness(&mut followed, anchor) }
    } else {
        false
    };
    let panic = followed.panic;
    if panic.hooked == LOST {
        return;
    }
    local.begin(Flight { exception: address, panic, cleanups: 0, class: Language::Rust });
    if followed.hops > 0
        && let Some(notes) = state::notes_of(panic.hooked)
    {
        notes.thrown_again(panic.hooked);
    }
    thread_table::panicked(local.thread.get(), panic.serial);
    let event = Event::Raised {
        panic,
        exception: address as u64,
        payload: followed.payload as u64,
        vtable: followed.vtable as u64,
        trace: followed.trace,
        hops: followed.hops,
        walked,
    };
    state::emit(event, |entry| {
        if panic.hooked != 0 {
            return;
        }
        // Nobody recorded the stack or the text.
        entry.place.fill(|ips| short_walk(ips, anchor));
        if followed.hops == 0 {
            // SAFETY: `followed` comes from `follow` above.
            unsafe { dispose::with_text(&followed, |text| entry.text.set(text.as_str())) };
        }
    });
}

/// Lets a raise that no hook saw be recorded; whether the stack of a hop was.
///
/// # Safety
/// `followed` comes from [`dispose::follow`] on this thread for an exception that was not raised yet.
#[inline(never)]
unsafe fn witness(followed: &mut dispose::Followed, anchor: usize) -> bool {
    let Some(witness) = state::witness() else { return false };
    match (followed.hops, followed.panic.hooked) {
        (0, _) => {
            let mut sequence = None;
            // SAFETY: as promised to this function.
            unsafe {
                dispose::with_text(followed, |text| sequence = Some(witness.raised(anchor, Some(text))))
            };
            let sequence = sequence.unwrap_or_else(|| witness.raised(anchor, None));
            dispose::name(followed, sequence);
            false
        }
        (_, 0 | LOST) => false,
        (_, sequence) => witness.hopped(anchor, sequence),
    }
}

/// The unwinder came back: it found no handler.
#[inline(never)]
fn fail(exception: *mut Exception, code: c_int) {
    thread_state::with(|local| {
        let Some(cell) = local.flight(exception.addr()) else { return };
        let Flight { panic, class, .. } = cell.get();
        local.end(cell);
        state::emit(Event::Unraised { panic, exception: exception.addr() as u64, code, class }, |_| {});
        state::wake();
    });
}
