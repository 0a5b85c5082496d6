//! Names that the images of the process export.
//!
//! Runs on: the thread that installs the agent. Must not: load anything.

use core::ffi::CStr;

/// Whether an image that is loaded exports this name, and the dynamic linker knows it.
pub(crate) fn is_exported(name: &CStr) -> bool {
    // SAFETY: `name` ends with a zero byte; a name that nobody exports gives null.
    unsafe { !libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()).is_null() }
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
