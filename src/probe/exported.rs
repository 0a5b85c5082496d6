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

/// Defines functions that jump to others, and have no frame that an unwinder would see. Their arguments are whatever the
/// target's are.
#[doc(hidden)]
#[macro_export]
macro_rules! naked_jumps {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident => $target:path;)*) => {$(
        $(#[$attribute])*
        ///
        /// # Safety
        /// As for the function that it stands in for.
        #[unsafe(naked)]
        $visibility unsafe extern "C-unwind" fn $name() {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!("jmp {target}", target = sym $target);
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!("b {target}", target = sym $target);
        }
    )*};
}

naked_jumps! {
    /// `_Unwind_RaiseException`.
    pub fn raise_exception => raise::raise_exception;
    /// `_Unwind_SetIP`.
    pub fn set_ip => land::set_ip;
    /// `pthread_create`.
    pub fn pthread_create => threads::create;
    /// `pthread_join`.
    pub fn pthread_join => threads::join;
    /// `pthread_detach`.
    pub fn pthread_detach => threads::detach;
    /// `pthread_setname_np`.
    pub fn pthread_setname_np => foreign::set_name;
}
