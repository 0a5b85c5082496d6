//! The unwinder of Windows.
//!
//! Runs on: the panicking thread. Must not: resolve symbols.

/// Shows instruction pointer and stack pointer of each frame, innermost first, until `visit` says `false`.
pub(crate) fn trace(visit: &mut dyn FnMut(usize, usize) -> bool) {
    backtrace::trace(|frame| visit(frame.ip().addr(), frame.sp().addr()));
}

/// Where the image begins in which an address lies; `None` when it lies in none.
pub(crate) fn image_at(address: usize) -> Option<usize> {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn RtlPcToFileHeader(
            address: *const core::ffi::c_void,
            base: *mut *mut core::ffi::c_void,
        ) -> *mut core::ffi::c_void;
    }
    let mut base = core::ptr::null_mut();
    // SAFETY: `base` is writable, and any address may be asked about.
    let known = unsafe { RtlPcToFileHeader(core::ptr::without_provenance(address), &raw mut base) };
    (!known.is_null()).then(|| known.addr())
}
