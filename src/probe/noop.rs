//! The probes where there are none: the same functions, which do nothing and say why.
//!
//! Runs on: the thread that installs the agent; `note_hooked` on the panicking thread. Must not: do anything.

use std::any::Any;

use super::{EventQueue, LandingNotes, PanicRef, ProbeAbilities, ProbeOff, ProbeOptions, Stamp, Witness};
use crate::record::ProbeLosses;
use crate::sys::{clock, thread};

/// Says that nothing is observed, and why.
pub(crate) fn install(_: &'static EventQueue, _: ProbeOptions) -> ProbeAbilities {
    ProbeAbilities::all_off(ProbeOff::UnsupportedPlatform)
}

/// There is nothing to look for in new images.
pub(crate) fn refresh() {}

/// There is nothing to take back.
#[cfg(any(test, feature = "__testing"))]
pub(crate) fn uninstall() {}

/// There is nothing to record.
pub(crate) fn call_witness(_: &'static &'static dyn Witness) {}

/// There is nothing to note.
pub(crate) fn note_landings(_: &'static &'static dyn LandingNotes) {}

/// Nobody asks.
pub(crate) fn note_hooked(_: u64) {}

/// When and on which thread, as far as that is known without probes.
pub(crate) fn stamp() -> Stamp {
    Stamp { mono_ns: clock::mono_ns(), thread: 0, tid: thread::tid() }
}

/// No payload is followed.
pub(in crate::probe) fn known(_: &(dyn Any + Send)) -> Option<PanicRef> {
    None
}

/// Nothing was left out.
pub(crate) fn counts() -> ProbeLosses {
    ProbeLosses::default()
}
