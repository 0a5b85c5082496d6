//! The probed functions: their names, and where the real ones are.
//!
//! Runs on: the thread that installs the agent and the writer (what sets), every thread (what reads). Must not:
//! allocate, lock, or panic on an observed thread.

use core::ffi::CStr;
use core::num::NonZero;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A probed function.
#[repr(usize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum Symbol {
    RaiseException = 0,
    SetIp = 1,
    PthreadCreate = 2,
    PthreadJoin = 3,
    PthreadDetach = 4,
    SetName = 5,
    Write = 6,
}

impl Symbol {
    pub(in crate::probe) const ALL: [Self; 7] = [
        Self::RaiseException,
        Self::SetIp,
        Self::PthreadCreate,
        Self::PthreadJoin,
        Self::PthreadDetach,
        Self::SetName,
        Self::Write,
    ];

    pub(in crate::probe) fn name(self) -> &'static CStr {
        match self {
            Self::RaiseException => c"_Unwind_RaiseException",
            Self::SetIp => c"_Unwind_SetIP",
            Self::PthreadCreate => c"pthread_create",
            Self::PthreadJoin => c"pthread_join",
            Self::PthreadDetach => c"pthread_detach",
            Self::SetName => c"pthread_setname_np",
            Self::Write => c"write",
        }
    }

    /// The function that the program would have called; `None` before [`apply`](super::apply) found it.
    pub(in crate::probe) fn real(self) -> Option<NonZero<usize>> {
        // Acquire pairs with the release store in `apply`; a probe runs only after its slot was written,
        // which is later still.
        let real = REAL.get(self as usize).map_or(0, |real| real.load(Ordering::Acquire));
        NonZero::new(real).or_else(|| self.early())
    }

    /// Code that runs before a preloaded library is set up calls what is exported from there, too.
    #[cold]
    fn early(self) -> Option<NonZero<usize>> {
        if exported(self).is_none() && !cfg!(feature = "preload") {
            return None;
        }
        // SAFETY: the name is a C string and the pseudo-handle is one that dlsym documents.
        let real = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name().as_ptr()) }.addr();
        if let Some(place) = REAL.get(self as usize) {
            place.store(real, Ordering::Release);
        }
        NonZero::new(real)
    }
}

/// The real functions, by [`Symbol`]. Written once by [`apply`](super::apply), read by every probe.
pub(super) static REAL: [AtomicUsize; Symbol::ALL.len()] = [const { AtomicUsize::new(0) }; Symbol::ALL.len()];

/// Functions of a preloaded library that carry the names of the probed ones and jump to the probes, by [`Symbol`];
/// 0 for none. Written once, before the first [`apply`](super::apply).
static EXPORTED: [AtomicUsize; Symbol::ALL.len()] = [const { AtomicUsize::new(0) }; Symbol::ALL.len()];

/// Calls that the loader has bound to this function reach the probe of its name.
#[cfg_attr(not(feature = "preload"), allow(dead_code, reason = "only a preloaded library exports"))]
pub(in crate::probe) fn note_exported(symbol: Symbol, function: usize) {
    if let Some(exported) = EXPORTED.get(symbol as usize) {
        exported.store(function, Ordering::Relaxed);
    }
}

pub(super) fn exported(symbol: Symbol) -> Option<usize> {
    EXPORTED.get(symbol as usize).map(|one| one.load(Ordering::Relaxed)).filter(|one| *one != 0)
}
