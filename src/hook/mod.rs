//! Stage 1, and the driver of everything that happens on a panicking thread.
//!
//! Runs on: the panicking thread, before it unwinds. Must not: allocate, lock, do I/O, panic, or wait; with
//! two exceptions that the user chose or that the end of the process demands: an overflow policy that
//! blocks, and the wait for the writer before a predicted abort. Both have a deadline.
//!
//! Whatever fails in here, the previous hook is called once per panic, and a report that is not made is
//! counted.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod abort;
mod child;
mod counters;
mod payload;
mod previous;
pub(crate) mod recent_panics;
mod replaced;
#[cfg(test)]
mod tests;
mod unhooked;
mod without_agent;

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering, fence};
use std::panic::{self, PanicHookInfo};
use std::time::Duration;

use once_cell::race::OnceRef;

pub(crate) use child::ChildWriter;
pub(crate) use counters::Counters;
pub(crate) use previous::{PreviousHook, previous};
pub(crate) use replaced::{is_replaced, replacement, take_replacement};
pub(crate) use without_agent::ensure as ensure_hook;

use crate::capture::recursion_guard::RecursionGuard;
pub(crate) use crate::capture::recursion_guard::{is_writer_thread, mark_writer_thread};
use crate::channel::{Channel, ClaimedSlot, Site, Ticket};
use crate::config::{Console, Options, Overflow, PayloadExtractor};
use crate::error::{Error, ErrorKind};
use crate::record::{LossReason, RawFlag};
use crate::spool::Landings;
use crate::sys::fork;
use crate::{capture, probe};

/// Everything the hook needs. Leaked, because a hook can run until the last instant of the process.
pub(crate) struct HookState {
    /// The way to the writer.
    pub(crate) channel: &'static Channel,
    /// What was seen and written.
    pub(crate) counters: Counters,
    /// What to do when every slot is taken.
    pub(crate) overflow: Overflow,
    /// The longest wait for the writer before a predicted abort.
    pub(crate) flush_deadline: Duration,
    /// Frames to keep of a stack.
    pub(crate) max_frames: usize,
    /// Whether to call the previous hook.
    pub(crate) console: Console,
    /// Types of payload that have a message.
    pub(crate) payloads: Vec<PayloadExtractor>,
    /// [`fork::generation`] of the process that has the writer.
    pub(crate) home: u32,
    /// Writes the reports of forked children.
    pub(crate) child: Option<&'static dyn ChildWriter>,
    /// Where unwindings are noted for whoever comes after this process.
    pub(crate) landings: OnceRef<'static, Landings>,
    /// OS id of the thread that ends the process, else 0: from now on each hook waits until its report is written.
    pub(crate) ender: AtomicU32,
}

impl HookState {
    /// The state for the running process, as the options say; their extractors of payloads are taken out.
    pub(crate) fn new(
        channel: &'static Channel,
        child: Option<&'static dyn ChildWriter>,
        options: &mut Options,
    ) -> Self {
        Self {
            channel,
            counters: Counters::default(),
            overflow: options.overflow,
            flush_deadline: options.flush_deadline,
            max_frames: options.max_frames,
            console: options.console,
            payloads: core::mem::take(&mut options.payloads),
            home: fork::generation(),
            child,
            landings: OnceRef::new(),
            ender: AtomicU32::new(0),
        }
    }

    /// By the thread that ends the process, before it looks whether everything is written; its OS id.
    pub(crate) fn begin_end(&self, tid: u32) {
        self.ender.store(tid, Ordering::Relaxed);
        // Either a hook sees this, or its publication is seen by the look that follows.
        fence(Ordering::SeqCst);
    }

    /// A slot for a panic at this place, as the policy says.
    fn claim(&self, site: Option<Site>) -> Option<ClaimedSlot<'static>> {
        let slot = match site {
            Some(site) => self.channel.claim_for(site),
            None => self.channel.claim(),
        };
        match self.overflow {
            Overflow::Block(deadline) => slot.or_else(|| self.channel.claim_within(deadline)),
            Overflow::Count => slot,
        }
    }

    /// The panic is about to unwind.
    fn note_raise(&self, sequence: u64) {
        if let Some(landings) = self.landings.get() {
            landings.raised(sequence);
        }
    }

    /// Whether a publication of a moment ago, by the thread with this OS id, has to be waited for. The process cannot
    /// be gone while the thread that ends it waits, so the writer hears which one waits.
    fn is_ending(&self, tid: u32) -> bool {
        // The twin of the fence in `begin_end`.
        fence(Ordering::SeqCst);
        let ender = self.ender.load(Ordering::Relaxed);
        if ender != 0 && ender == tid {
            self.channel.ender_waits(tid);
        }
        ender != 0
    }
}

/// Puts the agent's hook before the one that is set now.
///
/// std has no single step for this: a hook that another thread sets between the two steps is lost.
///
/// # Errors
/// [`ErrorKind::Panicking`] when the calling thread is panicking; std would panic.
pub(crate) fn install(state: &'static HookState) -> Result<(), Error> {
    if std::thread::panicking() {
        return Err(panicking());
    }
    fork::watch();
    child::claim_process();
    capture::thread::prime();
    let _setting = without_agent::SETTING.lock();
    let previous = panic::take_hook();
    let replaced = replaced::Replaced { channel: state.channel };
    panic::set_hook(Box::new(move |info| {
        let _owned = &replaced;
        on_panic(state, &*previous, info);
    }));
    without_agent::note_agent();
    Ok(())
}

/// Why nothing is installed from a destructor that a panic runs.
pub(crate) fn panicking() -> Error {
    Error::new(
        ErrorKind::Panicking,
        "cannot set a panic hook on a thread that is panicking",
        "install the agent first in `main`",
    )
}

/// The hook.
fn on_panic(state: &HookState, previous: &dyn Fn(&PanicHookInfo<'_>), info: &PanicHookInfo<'_>) {
    let superseded = state.is_superseded();
    let Observed { sequence, silent, .. } = if superseded { Observed::NOTHING } else { observe(state, info) };
    if state.console == Console::Previous && !silent {
        previous(info);
    }
    if !superseded {
        // The last step: whatever the previous hook throws and catches is not this panic.
        probe::note_hooked(sequence);
    }
}

/// What the agent's part of the hook found.
struct Observed {
    /// Number of the panic, or [`probe::LOST`].
    sequence: u64,
    /// Whether an earlier panic of the thread is still unwinding.
    nested: bool,
    /// Whether the program asked for no console output, and the process survives.
    silent: bool,
    ticket: Option<Ticket>,
}

impl Observed {
    /// By a hook that a newer agent has superseded.
    const NOTHING: Self = Self { sequence: 0, nested: true, silent: false, ticket: None };
}

/// The agent's part of the hook. Not inlined: its frame is gone before the previous hook runs.
#[inline(never)]
fn observe(state: &HookState, info: &PanicHookInfo<'_>) -> Observed {
    let inside = RecursionGuard::enter();
    let outcome = match &inside {
        Some(inside) => record(state, info, inside),
        None => Err(LossReason::Reentered),
    };
    let observed = outcome.unwrap_or_else(|reason| {
        count_loss(state, info, reason);
        // Nothing is known of it: where that matters nothing is claimed.
        Observed { sequence: probe::LOST, nested: true, silent: recent_panics::is_silent(), ticket: None }
    });
    if inside.is_some() {
        recent_panics::note(observed.sequence, false, observed.nested, info.location(), info.payload());
    }
    state.counters.add_panic();
    if let Some(ticket) = &observed.ticket {
        // Not written in time: the report stays in its slot, and the process goes on to die.
        let _ = state.channel.wait_written(*ticket, state.flush_deadline);
    }
    observed
}

/// Makes and publishes the report; with its ticket when it should be waited for.
fn record(
    state: &HookState,
    info: &PanicHookInfo<'_>,
    inside: &RecursionGuard,
) -> Result<Observed, LossReason> {
    if is_writer_thread() {
        return Err(LossReason::WriterThread);
    }
    if fork::generation() != state.home {
        // The writer thread was not forked along.
        let silent = recent_panics::is_silent();
        // Whether it is nested is not looked at in a child: nothing is claimed.
        let observed = |sequence| Observed { sequence, nested: true, silent, ticket: None };
        return state.record_in_child(info, inside).map(observed);
    }
    let mut slot = state.claim(site_of(info)).ok_or(LossReason::PoolFull)?;
    let record = slot.record();
    let sequence = state.counters.next_sequence();
    record.sequence = sequence;
    payload::write(record, info, &state.payloads);
    capture::capture(record, ptr::from_ref(info).addr(), state.max_frames, inside);
    if recent_panics::is_enclosed() {
        record.set_flag(RawFlag::Wrapped);
    }
    let nested = record.has_flag(RawFlag::Nested);
    let wait = abort::is_predicted(record);
    let silent = !wait && recent_panics::is_silent();
    if wait {
        record.set_flag(RawFlag::Waiting);
    }
    if silent {
        record.set_flag(RawFlag::Silent);
    }
    state.note_raise(sequence);
    let tid = record.tid;
    let ticket = slot.publish();
    let wait = state.is_ending(tid) || wait;
    Ok(Observed { sequence, nested, silent, ticket: wait.then_some(ticket) })
}

fn site_of(info: &PanicHookInfo<'_>) -> Option<Site> {
    info.location().map(|place| Site::new(place.file(), place.line(), place.column()))
}

fn count_loss(state: &HookState, info: &PanicHookInfo<'_>, reason: LossReason) {
    state.channel.losses.record(reason);
    if let Some(location) = info.location() {
        state.channel.loss_sites.record(location.file(), location.line(), location.column());
    }
}
