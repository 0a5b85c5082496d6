//! The end of every unwinding: which frame the unwinder enters as the handler.
//!
//! Runs on: the panicking thread, inside a personality routine, once per landing pad. Must not: allocate,
//! lock, panic; touch the exception unless this thread is known to be unwinding it.

use core::ffi::{c_int, c_void};

use super::event::{Event, Language};
use super::got::Symbol;
use super::raise::Exception;
use super::thread_state::{Flight, Local};
use super::{lsda, self_test, state, thread_state};
use crate::record::EhAction;

/// Registers that carry the exception and the selector to a landing pad (`__builtin_eh_return_data_regno`):
/// rax and rdx by their DWARF numbers on x86_64, x0 and x1 on AArch64.
const EXCEPTION_REGISTER: c_int = 0;
const SELECTOR_REGISTER: c_int = 1;

/// The unwinder's view of one frame. Opaque.
type Context = core::ffi::c_void;

unsafe extern "C-unwind" {
    fn _Unwind_GetGR(context: *mut Context, register: c_int) -> usize;
    fn _Unwind_GetIP(context: *mut Context) -> usize;
    fn _Unwind_GetCFA(context: *mut Context) -> usize;
    fn _Unwind_GetRegionStart(context: *mut Context) -> usize;
    fn _Unwind_GetLanguageSpecificData(context: *mut Context) -> *const c_void;
}

type RealSetIp = unsafe extern "C-unwind" fn(*mut Context, usize);

/// Stands in for `_Unwind_SetIP`.
pub(super) unsafe extern "C-unwind" fn set_ip(context: *mut Context, pad: usize) {
    // SAFETY: a personality routine lends its context.
    unsafe { observe(context, pad) };
    if let Some(real) = Symbol::SetIp.real() {
        // SAFETY: `real` is the address of the function this stands in for.
        let real = unsafe { core::mem::transmute::<usize, RealSetIp>(real.get()) };
        // SAFETY: forwarded as it came.
        unsafe { real(context, pad) };
    }
}

/// # Safety
/// `context` is a live context of the unwinder.
unsafe fn observe(context: *mut Context, pad: usize) {
    thread_state::with(|local| {
        if state::queue().is_none() && local.trial.get().is_none() {
            return;
        }
        // Every personality routine sets the exception, then the selector, then this.
        // SAFETY: as promised to this function.
        let exception = unsafe { _Unwind_GetGR(context, EXCEPTION_REGISTER) };
        // A value that this thread has not raised may be anything: a forced unwinding (`pthread_exit`), or a
        // personality routine with another order.
        let Some(cell) = local.flight(exception) else { return };
        // SAFETY: the personality routine is just delivering this exception, so it is alive.
        let handler_frame = unsafe { (*(exception as *const Exception)).private[1] };
        // SAFETY: as promised to this function.
        let frame = unsafe { _Unwind_GetCFA(context) };
        if handler_frame == frame {
            // SAFETY: as promised to this function.
            unsafe { landed(local, cell, context, pad, frame) };
        } else {
            cleanup(cell);
        }
    });
}

fn cleanup(cell: &core::cell::Cell<Flight>) {
    let mut flight = cell.get();
    flight.cleanups = flight.cleanups.saturating_add(1);
    cell.set(flight);
}

/// # Safety
/// As [`observe`].
#[inline(never)]
unsafe fn landed(
    local: &Local,
    cell: &core::cell::Cell<Flight>,
    context: *mut Context,
    pad: usize,
    frame: usize,
) {
    let flight = cell.get();
    // SAFETY: as promised to this function.
    let selector = unsafe { _Unwind_GetGR(context, SELECTOR_REGISTER) };
    let handler = if selector == 0 { Language::Rust } else { Language::Foreign };
    if handler == Language::Rust {
        local.end(cell);
    }
    // A foreign handler keeps the flight: a rethrow does not come through the raise probe.
    if flight.class == Language::Foreign && handler == Language::Foreign {
        return;
    }
    // SAFETY: as promised to this function.
    let ip = unsafe { _Unwind_GetIP(context) };
    // SAFETY: as promised to this function.
    let function = unsafe { _Unwind_GetRegionStart(context) };
    let action = match handler {
        Language::Rust => {
            // SAFETY: as promised to this function.
            let table = unsafe { _Unwind_GetLanguageSpecificData(context) }.addr();
            // SAFETY: the personality routine has just read the same bytes of the same table.
            lsda::action_at(&|at| unsafe { *(at as *const u8) }, table, function, ip)
        }
        Language::Foreign => EhAction::Unknown,
    };
    if !self_test::landed(local, action) {
        emit(flight, Landing { ip, pad, function, frame, action, handler });
    }
}

/// Where a panic has landed.
struct Landing {
    ip: usize,
    pad: usize,
    function: usize,
    frame: usize,
    action: EhAction,
    handler: Language,
}

/// A function of its own, so that the event has no place in the frame below which the table is read.
fn emit(flight: Flight, landing: Landing) {
    let Flight { exception, panic, cleanups, class } = flight;
    let Landing { ip, pad, function, frame, action, handler } = landing;
    if handler == Language::Rust
        && !matches!(action, EhAction::Filter | EhAction::Terminate)
        && let Some(notes) = state::notes_of(panic.hooked)
    {
        notes.landed(panic.hooked);
    }
    let event = Event::Landed {
        panic,
        exception: exception as u64,
        ip: ip as u64,
        pad: pad as u64,
        function: function as u64,
        frame: frame as u64,
        cleanups,
        action,
        handler,
        class,
    };
    state::emit(event, |_| {});
}
