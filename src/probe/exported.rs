//! The probes as functions that a preloaded library can export under the names of those they stand in for.
//!
//! Runs on: whatever thread calls the real function. Must not: do anything but go on to the probe.

use super::got::{self, Symbol};
use super::{foreign, land, raise, threads};

/// Names of the functions that are probed, with the places they are called through.
pub(crate) fn are_exported(functions: &[(&core::ffi::CStr, usize)]) {
    for (name, function) in functions {
        if let Some(symbol) = Symbol::ALL.into_iter().find(|symbol| symbol.name() == *name) {
            got::note_exported(symbol, *function);
        }
    }
}

/// Whether an image besides this library can raise an exception.
pub(crate) fn raises() -> bool {
    got::is_called(Symbol::RaiseException, raises as *const () as usize)
}

macro_rules! go_on {
    ($($(#[$doc:meta])* $name:ident => $probe:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As for the function it stands in for, whose arguments it passes on.
        #[unsafe(naked)]
        pub unsafe extern "C-unwind" fn $name() {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!("jmp {probe}", probe = sym $probe);
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!("b {probe}", probe = sym $probe);
        }
    )*};
}

go_on! {
    /// `_Unwind_RaiseException`.
    raise_exception => raise::raise_exception;
    /// `_Unwind_SetIP`.
    set_ip => land::set_ip;
    /// `pthread_create`.
    pthread_create => threads::create;
    /// `pthread_join`.
    pthread_join => threads::join;
    /// `pthread_detach`.
    pthread_detach => threads::detach;
    /// `pthread_setname_np`.
    pthread_setname_np => foreign::set_name;
}
