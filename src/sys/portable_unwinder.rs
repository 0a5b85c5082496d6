//! The platform's unwinder, on systems that do not say where an image begins.
//!
//! Runs on: the panicking thread. Must not: resolve symbols.

/// Shows instruction pointer and stack pointer of each frame, innermost first, until `visit` says `false`.
pub(crate) fn trace(visit: &mut dyn FnMut(usize, usize) -> bool) {
    backtrace::trace(|frame| visit(frame.ip().addr(), frame.sp().addr()));
}

/// Nobody tells.
pub(crate) fn image_at(_: usize) -> Option<usize> {
    None
}
