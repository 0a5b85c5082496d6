//! The functions that the loader binds the program's calls to.
//!
//! Runs on: whatever thread calls them. Must not: do anything but go on to the probe, which calls the real function;
//! have a frame, which an unwinder would see.

use panic_agent::preload::{self, Exported};

macro_rules! export {
    ($($symbol:ident => $name:literal, $probe:path;)*) => {
        panic_agent::naked_jumps! {
            $(
                /// Goes on to the probe.
                #[unsafe(no_mangle)]
                #[allow(non_snake_case, reason = "the unwinder's names")]
                pub(crate) fn $symbol => $probe;
            )*
        }

        /// Each function by its name, at the address that the loader binds calls to.
        pub(crate) fn all() -> Exported {
            [$(($name, address_of($name, $symbol as *const ()))),*]
        }
    };
}

export! {
    _Unwind_RaiseException => c"_Unwind_RaiseException", preload::raise_exception;
    _Unwind_SetIP => c"_Unwind_SetIP", preload::set_ip;
    pthread_create => c"pthread_create", preload::pthread_create;
    pthread_join => c"pthread_join", preload::pthread_join;
    pthread_detach => c"pthread_detach", preload::pthread_detach;
    pthread_setname_np => c"pthread_setname_np", preload::pthread_setname_np;
}

panic_agent::naked_jumps! {
    /// Goes on to the real function, and lets the agent know.
    #[unsafe(no_mangle)]
    pub(crate) fn dlopen => preload::dlopen;
}

/// Found by a library `panic-agent` in the program: what it may ask of this one; null when nothing is installed.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn panic_agent_preload() -> *const preload::Table {
    preload::table()
}

/// What the loader says a name is, which is this library's function unless another library comes before it.
fn address_of(name: &core::ffi::CStr, own: *const ()) -> usize {
    // SAFETY: the name is a C string and the pseudo-handle is one that dlsym documents.
    let bound = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if bound.is_null() { own.addr() } else { bound.addr() }
}
