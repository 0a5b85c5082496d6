//! Functions to run at the end of the process.
//!
//! Runs on: threads that register them. Must not: run the functions itself.

#[cfg(windows)]
pub(crate) use super::system::exit::register;

/// Lets `exit` call `function`: after `main` returned, in `std::process::exit`, and after `main` panicked; not
/// when the process aborts. `false` when the system has no room for it.
#[cfg(not(windows))]
pub(crate) fn register(function: extern "C" fn()) -> bool {
    // SAFETY: `function` has the required signature and lives as long as the image that holds it; a library
    // that is unloaded has its functions called and forgotten by the C library.
    unsafe { libc::atexit(function) == 0 }
}

pub(crate) use status::{leave, register_status};

/// glibc: `exit` tells its handlers the status, and may be called again by one of them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod status {
    use core::ffi::{c_int, c_void};

    /// Like [`register`](super::register), for a function that wants to know the status, which is always known here. What
    /// is registered last is called first, functions of both kinds alike. `false` when there is no room for it.
    pub(crate) fn register_status(function: fn(Option<i32>)) -> bool {
        unsafe extern "C" {
            fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
        }
        extern "C" fn call(status: c_int, function: *mut c_void) {
            // SAFETY: the argument of `call` is that of its registration below, which is a `fn(Option<i32>)`.
            let function = unsafe { core::mem::transmute::<*mut c_void, fn(Option<i32>)>(function) };
            function(Some(status));
        }
        // SAFETY: glibc's signature; `call` lives as long as this image.
        unsafe { on_exit(call, function as *mut c_void) == 0 }
    }

    /// Ends the process from within a handler of `exit`, with another status: the handlers that were registered earlier
    /// run as they would have, and are told the new one.
    pub(crate) fn leave(status: i32) -> ! {
        // glibc takes a handler off its list before it calls it, so that a second `exit` on the same thread goes on
        // with the next one. std's own `exit` refuses that; this one does not go through it.
        // SAFETY: on the thread that is inside of `exit`, so that no two threads are.
        unsafe { libc::exit(status) }
    }
}

/// Elsewhere the C library tells its handlers nothing, and what a second `exit` does is not defined. On Windows the status is
/// seen on its way.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod status {
    use core::sync::atomic::{AtomicI64, AtomicPtr, AtomicUsize, Ordering};

    /// Functions that fit.
    const ROOM: usize = 4;
    /// No status.
    const NONE: i64 = i64::MIN;

    /// Those that were registered, in order; null for none. Relaxed: registering orders it before the call.
    static FUNCTIONS: [AtomicPtr<()>; ROOM] = [const { AtomicPtr::new(core::ptr::null_mut()) }; ROOM];
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    /// What [`leave`] was told; [`NONE`] before. Relaxed: one thread ends the process.
    static LEAVES_WITH: AtomicI64 = AtomicI64::new(NONE);

    /// Like [`register`](super::register), for a function that wants to know the status; `None` where nobody tells it.
    pub(crate) fn register_status(function: fn(Option<i32>)) -> bool {
        let place = TAKEN.fetch_add(1, Ordering::Relaxed);
        let Some(slot) = FUNCTIONS.get(place) else {
            TAKEN.fetch_sub(1, Ordering::Relaxed);
            return false;
        };
        slot.store(function as *mut (), Ordering::Relaxed);
        super::register(call_newest)
    }

    extern "C" fn call_newest() {
        let Ok(taken) =
            TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| taken.checked_sub(1))
        else {
            return;
        };
        let slot = FUNCTIONS.get(taken.wrapping_sub(1));
        let function = slot.map_or(core::ptr::null_mut(), |slot| slot.load(Ordering::Relaxed));
        if !function.is_null() {
            // SAFETY: only `register_status` stores, and it stores a `fn(Option<i32>)`.
            let function = unsafe { core::mem::transmute::<*mut (), fn(Option<i32>)>(function) };
            function(status());
        }
    }

    fn status() -> Option<i32> {
        let told = i32::try_from(LEAVES_WITH.load(Ordering::Relaxed)).ok();
        #[cfg(windows)]
        let told = told.or_else(super::super::system::exit::status);
        told
    }

    /// Ends the process from within a handler of `exit`, with another status. The handlers of this kind that were registered
    /// earlier run and are told it, and what C streams hold is written; others do not run.
    pub(crate) fn leave(status: i32) -> ! {
        LEAVES_WITH.store(status.into(), Ordering::Relaxed);
        while TAKEN.load(Ordering::Relaxed) > 0 {
            call_newest();
        }
        // SAFETY: null stands for every stream.
        unsafe { libc::fflush(core::ptr::null_mut()) };
        // SAFETY: no preconditions.
        unsafe { libc::_exit(status) }
    }
}
