//! A function to run at the end of the process.
//!
//! Runs on: the thread that installs the agent. Must not: run the function itself.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

/// Lets `exit` call `function`: after `main` returned, in `std::process::exit`, and after `main` panicked; not
/// when the process aborts. `false` when the system has no room for it.
pub(crate) fn register(function: extern "C" fn()) -> bool {
    // SAFETY: `function` has the required signature and lives as long as the image that holds it; a library
    // that is unloaded has its functions called and forgotten by the C library.
    unsafe { libc::atexit(function) == 0 }
}

/// Like [`register`], for a function that wants to know the status. `false` when there is no room for it. Where the
/// system does not tell the status it is 0.
pub(crate) fn register_status(function: fn(i32)) -> bool {
    // Relaxed: registering orders it before the call.
    STATUS.store(function as *mut (), Ordering::Relaxed);
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
        }
        extern "C" fn call(status: c_int, _: *mut c_void) {
            call_status(status);
        }
        // SAFETY: glibc's signature; `call` ignores its argument and lives as long as this image.
        unsafe { on_exit(call, core::ptr::null_mut()) == 0 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        extern "C" fn call() {
            call_status(0);
        }
        register(call)
    }
}

/// The function of [`register_status`]; null for none.
static STATUS: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

fn call_status(status: i32) {
    let function = STATUS.load(Ordering::Relaxed);
    if !function.is_null() {
        // SAFETY: only `register_status` stores, and it stores a `fn(i32)`.
        let function = unsafe { core::mem::transmute::<*mut (), fn(i32)>(function) };
        function(status);
    }
}

/// Ends the process from within `exit`, with another status. What C streams hold is written; handlers that were
/// registered earlier do not run.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: null stands for every stream.
    unsafe { libc::fflush(core::ptr::null_mut()) };
    // SAFETY: no preconditions.
    unsafe { libc::_exit(status) }
}
