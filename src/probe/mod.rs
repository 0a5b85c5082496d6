//! Probes: the life of a panic after the hook, seen as it happens. Raise, landing, reads and drop of the
//! payload, and the threads it happens on.
//!
//! Runs on: whatever thread the observed thing happens on; `install`, `refresh` and `uninstall` on the agent's.
//! Must not: allocate, lock, do I/O or panic on an observed thread; change what the program sees.
//!
//! How it works: at [`install`] the global-offset-table slots through which the loaded images call
//! `_Unwind_RaiseException`, `_Unwind_SetIP`, `pthread_create`, `pthread_join` and `pthread_detach` are made to
//! point here; each probe notes what it sees and calls the real function. The payload of a raised exception
//! gets a copy of its vtable that reports. A trial on a private payload decides what is believed.
//! What each event proves is written at [`Event`].
//!
//! The probes of a program that never calls `install` do not exist: there is no symbol of ours that the linker
//! or the loader could prefer.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod ability;
mod event;
pub(crate) mod harness_notes;
mod place;
mod queue;
mod seen_threads;
#[cfg(feature = "__testing")]
#[doc(hidden)]
pub mod testing;
pub(crate) mod wrapper_notes;

/// What is redirected, and what the redirected calls note.
#[cfg(panic_agent_probes)]
#[path = "."]
mod observing {
    mod dispose;
    mod got;
    mod installed;
    mod land;
    mod lsda;
    mod payload_owners;
    mod raise;
    mod self_test;
    mod state;
    mod stdout_tap;
    mod thread_starts;
    mod thread_state;
    mod thread_table;
    mod threads;
    mod vtable;

    // For a library that is loaded before the program.
    #[cfg(feature = "preload")]
    pub(crate) mod exported;
    #[cfg(feature = "preload")]
    pub(crate) mod foreign;

    pub(crate) use self::installed::*;
    use super::*;
}
#[cfg(not(panic_agent_probes))]
#[path = "noop.rs"]
mod observing;

pub(crate) use ability::{Ability, ProbeAbilities, ProbeOff};
#[cfg(any(test, feature = "__testing"))]
pub(crate) use event::ThreadRef;
pub(crate) use event::{Catcher, Entry, Event, Keeper, Language, PanicRef, Stamp, Trace};
pub(crate) use observing::*;
pub(crate) use queue::{DEFAULT_EVENTS, EventQueue};
pub(crate) use seen_threads::{Seen, SeenThreads};

/// Reads of one payload between two raises that are sent; more say nothing new.
pub(crate) const MAX_READS: u32 = 4;

/// What the probes report beyond the minimum. The default is what verdicts need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeOptions {
    /// Whether [`Event::Started`] has the stack of the spawn: below a microsecond per thread.
    pub(crate) spawn_places: bool,
    /// Whether a thread begins with the labels in force where it is spawned.
    pub(crate) inherit_labels: bool,
}

/// Number that stands for a panic whose report was lost: nobody waits for its events.
pub(crate) const LOST: u64 = u64::MAX;

/// What the raise probe asks of the recording side, for a raise that no hook saw. On the panicking thread: nothing of it
/// allocates, locks or panics.
pub(crate) trait Witness: Sync {
    /// A payload is thrown for the first time and the agent's hook was not called for it. `text` is the payload
    /// if it is a text. `anchor` lies in the innermost frame that does not belong to the panic.
    ///
    /// Returns the number of the panic, [`LOST`] when no report can be made.
    fn raised(&self, anchor: usize, text: Option<Text<'_>>) -> u64;

    /// The payload of panic `sequence` is thrown once more. Returns whether its stack was recorded.
    fn hopped(&self, anchor: usize, sequence: u64) -> bool;
}

/// A payload that is a text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'a> {
    /// `&'static str`.
    Str(&'a str),
    /// `String`.
    String(&'a str),
}

impl<'a> Text<'a> {
    /// The text itself.
    pub(crate) fn as_str(self) -> &'a str {
        match self {
            Self::Str(text) | Self::String(text) => text,
        }
    }
}

/// Where the end of each unwinding is noted for whoever comes after this process.
pub(crate) trait LandingNotes: Sync {
    /// The panic with this hook number has landed.
    fn landed(&self, sequence: u64);

    /// Its payload is thrown once more.
    fn thrown_again(&self, sequence: u64);
}
