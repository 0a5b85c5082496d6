//! Names that the images of the process export, and where the images lie.
//!
//! Runs on: the thread that installs the agent; `about` on every thread that may take the loader's lock. Must not: load
//! anything.

use core::ffi::{CStr, c_void};

/// Whether an image that is loaded exports this name, and the dynamic linker knows it.
pub(crate) fn is_exported(name: &CStr) -> bool {
    // SAFETY: `name` ends with a zero byte; a name that nobody exports gives null.
    unsafe { !libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()).is_null() }
}

/// The image in which an address lies, and the exported name nearest to it; `None` when it lies in none.
pub(crate) fn about(address: *const c_void) -> Option<libc::Dl_info> {
    let mut found = core::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `found` is writable, and any address may be asked about.
    let known = unsafe { libc::dladdr(address, found.as_mut_ptr()) };
    // SAFETY: zeroes are valid, and so is what the loader wrote.
    let found = unsafe { found.assume_init() };
    (known != 0).then_some(found)
}

#[cfg(all(test, target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_export_is_found_and_nothing_else() {
        assert!(is_exported(c"pthread_create"));
        assert!(!is_exported(c"panic_agent_preload_of_a_test"));
    }
}
