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
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr
)]

mod ability;
mod event;
mod queue;
mod witness;

#[cfg(panic_agent_probes)]
mod dispose;
#[cfg(panic_agent_probes)]
mod got;
#[cfg(panic_agent_probes)]
mod installed;
#[cfg(panic_agent_probes)]
mod land;
#[cfg(panic_agent_probes)]
mod live;
#[cfg(panic_agent_probes)]
mod local;
#[cfg(panic_agent_probes)]
mod lsda;
#[cfg(panic_agent_probes)]
mod place;
#[cfg(panic_agent_probes)]
mod raise;
#[cfg(panic_agent_probes)]
mod state;
#[cfg(panic_agent_probes)]
mod thread_table;
#[cfg(panic_agent_probes)]
mod threads;
#[cfg(panic_agent_probes)]
mod trial;
#[cfg(panic_agent_probes)]
mod vtable;

#[cfg(not(panic_agent_probes))]
#[path = "noop.rs"]
mod installed;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;

pub(crate) use ability::{Ability, ProbeAbilities, ProbeOff};
#[cfg(test)]
pub(crate) use event::Class;
#[cfg(any(test, feature = "testing"))]
pub(crate) use event::ThreadRef;
pub(crate) use event::{Entry, Event, Handler, PanicRef, Stamp, Trace};
pub(crate) use installed::{call_witness, counts, install, note_hooked, note_landings, refresh, uninstall};
pub(crate) use queue::{DEFAULT_EVENTS, EventQueue};
pub(crate) use witness::{LOST, LandingNotes, Text, Witness};

/// Reads of one payload between two raises that are sent; more say nothing new.
pub(crate) const MAX_READS: u32 = 4;

/// What the probes report beyond the minimum. The default is what verdicts need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeOptions {
    /// Whether there are probes at all.
    pub(crate) probes: Probes,
    /// Landings that only run destructors.
    pub(crate) cleanups: Cleanups,
    /// Stacks of joins, detaches and spawns.
    pub(crate) thread_places: ThreadPlaces,
}

/// The run-time switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Probes {
    /// Observe everything that can be observed.
    #[default]
    On,
    /// Touch nothing.
    Off,
}

/// What to do with landings that only run destructors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cleanups {
    /// Count them; [`Event::Landed`] has the number.
    #[default]
    Count,
    /// Send [`Event::Cleanup`] for each: about 0.1 us and one queue entry per frame with destructors.
    Each,
}

/// When joins, detaches and spawns carry a place.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ThreadPlaces {
    /// Joins and detaches of a thread on which a panic was raised. The default: a place costs a few
    /// microseconds, and threads that never panicked need none.
    #[default]
    Panicked = 1,
    /// Every join, detach and spawn.
    Always = 2,
}

/// What the probes had to leave out, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeCounts {
    /// Events that found no room in the queue.
    pub(crate) lost: u64,
    /// Panics whose payload is not followed because there are too many payload types.
    pub(crate) untraced: u64,
    /// Payloads whose later events cannot say to which panic they belong.
    pub(crate) unidentified: u64,
}
