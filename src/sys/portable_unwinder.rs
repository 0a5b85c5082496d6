//! The platform's unwinder by way of the `backtrace` crate.
//!
//! Runs on: the panicking thread. Must not: resolve symbols.

/// Shows instruction pointer and stack pointer of each frame, innermost first, until `visit` says `false`.
pub(crate) fn trace(visit: &mut dyn FnMut(usize, usize) -> bool) {
    let mut frame = |frame: &backtrace::Frame| visit(frame.ip().addr(), frame.sp().addr());
    #[cfg(unix)]
    // SAFETY: on Unix the walk keeps no shared state that another thread could use at the same time; the
    // crate's lock guards symbol tables, which are not used here.
    unsafe {
        backtrace::trace_unsynchronized(&mut frame);
    }
    #[cfg(not(unix))]
    backtrace::trace(&mut frame);
}
