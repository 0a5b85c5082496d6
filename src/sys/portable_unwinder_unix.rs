//! The unwinder of Unix, and the loader that knows where images begin.
//!
//! Runs on: the panicking thread. Must not: resolve symbols.

use crate::sys::symbol;

/// Shows instruction pointer and stack pointer of each frame, innermost first, until `visit` says `false`.
pub(crate) fn trace(visit: &mut dyn FnMut(usize, usize) -> bool) {
    // SAFETY: on Unix the walk keeps no shared state that another thread could use at the same time; the crate's lock
    // guards symbol tables, which are not used here.
    unsafe { backtrace::trace_unsynchronized(|frame| visit(frame.ip().addr(), frame.sp().addr())) };
}

/// Where the image begins in which an address lies; `None` when it lies in none.
pub(crate) fn image_at(address: usize) -> Option<usize> {
    symbol::about(core::ptr::without_provenance(address)).map(|found| found.dli_fbase.addr())
}
