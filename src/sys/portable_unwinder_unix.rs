//! The unwinder of Unix, and the loader that knows where images begin.
//!
//! Runs on: the panicking thread. Must not: resolve symbols.

/// Shows instruction pointer and stack pointer of each frame, innermost first, until `visit` says `false`.
pub(crate) fn trace(visit: &mut dyn FnMut(usize, usize) -> bool) {
    // SAFETY: on Unix the walk keeps no shared state that another thread could use at the same time; the crate's lock
    // guards symbol tables, which are not used here.
    unsafe { backtrace::trace_unsynchronized(|frame| visit(frame.ip().addr(), frame.sp().addr())) };
}

/// Where the image begins in which an address lies; `None` when it lies in none.
pub(crate) fn image_at(address: usize) -> Option<usize> {
    let mut found = core::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `found` is writable, and any address may be asked about.
    let known = unsafe { libc::dladdr(core::ptr::without_provenance(address), found.as_mut_ptr()) };
    // SAFETY: zeroes are valid, and so is what the loader wrote.
    let found = unsafe { found.assume_init() };
    (known != 0).then(|| found.dli_fbase.addr())
}
