//! The unwinder that the language runtime itself uses (`_Unwind_Backtrace`).
//!
//! Runs on: the panicking thread, when the agent's own walk cannot go on. Allocates nothing; takes the
//! loader's lock where the C library is older than 2.35, as the panic itself will. Must not: panic.

use core::ffi::{c_int, c_void};
use core::ops::ControlFlow;

type Context = core::ffi::c_void;

type Callback = unsafe extern "C" fn(*mut Context, *mut c_void) -> c_int;

#[cfg_attr(test, allow(clashing_extern_declarations, reason = "tests declare the opaque context anew"))]
unsafe extern "C-unwind" {
    fn _Unwind_Backtrace(callback: Callback, argument: *mut c_void) -> c_int;
    fn _Unwind_GetIPInfo(context: *mut Context, before_instruction: *mut c_int) -> usize;
    fn _Unwind_GetCFA(context: *mut Context) -> usize;
    fn _Unwind_GetLanguageSpecificData(context: *mut Context) -> *const c_void;
}

const NO_REASON: c_int = 0;
const NORMAL_STOP: c_int = 4;
const END_OF_STACK: c_int = 5;

/// A frame as the unwinder shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemFrame {
    /// Return address, or an exact instruction pointer if `exact`; 0 beyond the bottom.
    pub(crate) ip: u64,
    pub(crate) exact: bool,
    /// Stack pointer of the frame at its call.
    pub(crate) sp: u64,
    /// Whether the frame has a language-specific data area.
    pub(crate) has_lsda: bool,
}

/// How a trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TraceEnd {
    /// The visitor had enough.
    Stopped,
    /// The unwinder reached the end of the stack as it sees it.
    EndOfStack,
    /// The unwinder failed.
    Failed,
}

/// Shows each frame of this thread, innermost first, beginning with this function.
pub(crate) fn trace(visit: &mut dyn FnMut(SystemFrame) -> ControlFlow<()>) -> TraceEnd {
    let mut state = State { visit, stopped: false };
    // SAFETY: `callback` has the type the unwinder calls, and `state` outlives the call.
    let code = unsafe { _Unwind_Backtrace(callback, (&raw mut state).cast()) };
    match (state.stopped, code) {
        (true, _) => TraceEnd::Stopped,
        (false, END_OF_STACK) => TraceEnd::EndOfStack,
        (false, _) => TraceEnd::Failed,
    }
}

/// An address in the code of the unwinder.
pub(super) fn address_of_unwinder() -> u64 {
    let function: unsafe extern "C-unwind" fn(Callback, *mut c_void) -> c_int = _Unwind_Backtrace;
    function as usize as u64
}

struct State<'v> {
    visit: &'v mut dyn FnMut(SystemFrame) -> ControlFlow<()>,
    stopped: bool,
}

unsafe extern "C" fn callback(context: *mut Context, argument: *mut c_void) -> c_int {
    // SAFETY: `trace` passes a `State` that nothing else uses during the walk.
    let state = unsafe { &mut *argument.cast::<State<'_>>() };
    let mut exact = 0;
    // SAFETY: the unwinder lends `context` to this callback; `exact` is writable.
    let ip = unsafe { _Unwind_GetIPInfo(context, &raw mut exact) };
    // SAFETY: as above.
    let sp = unsafe { _Unwind_GetCFA(context) };
    // SAFETY: as above.
    let lsda = unsafe { _Unwind_GetLanguageSpecificData(context) };
    let frame = SystemFrame { ip: ip as u64, exact: exact != 0, sp: sp as u64, has_lsda: !lsda.is_null() };
    if (state.visit)(frame).is_break() {
        state.stopped = true;
        return NORMAL_STOP;
    }
    NO_REASON
}
