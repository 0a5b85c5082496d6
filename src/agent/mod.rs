//! Wires the stages together and keeps the one agent of the process; does nothing else.
//!
//! Runs on: the thread that installs the agent, threads that ask it something, and the `atexit` handler.
//! Must not: be used on a panicking thread.

mod builder;
mod guard;
mod install;
mod macros;
#[cfg(all(panic_agent_probes, feature = "preload"))]
#[allow(
    missing_docs,
    unsafe_code,
    reason = "shown to the preloaded library alone; speaks C to libraries in the program"
)]
pub mod preload;
mod process_view;
mod prometheus;
#[cfg(panic_agent_spool)]
mod spooling;
#[cfg(not(panic_agent_spool))]
#[path = "spooling_absent.rs"]
mod spooling;
mod subscription;
mod take_over_preloaded;
mod who_exits;

use core::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use once_cell::race::{OnceBox, OnceNonZeroUsize};

pub use builder::{Agent, AgentBuilder};
pub use guard::AgentGuard;
pub(crate) use install::drain as finish;
pub use subscription::Subscription;

use crate::act::{Counts, Health};
use crate::channel::Channel;
use crate::error::Error;
use crate::hook::{Counters, HookState};
use crate::record::{Losses, PanicId};
use crate::recovery::Recovery;
use crate::spool::LiveSpool;
use crate::sys::fork;
use crate::writer::{Pigeonhole, WriterHandle};

/// The agent of this process. Empty until `install` has succeeded. Written by `install`, read by everyone.
static AGENT: Newest = Newest([const { OnceBox::new() }; GENERATIONS]);

/// Forked children of forked children that can have an agent of their own.
const GENERATIONS: usize = 16;

/// Agents of this process and of those it was forked from, oldest first; none is ever taken away.
struct Newest([OnceBox<Installed>; GENERATIONS]);

impl Newest {
    /// The newest. In a forked child without an agent of its own that is its parent's.
    fn get(&self) -> Option<&Installed> {
        self.0.iter().map_while(OnceBox::get).last()
    }

    /// Adds one; `false` when there is no room.
    fn add(&self, installed: Installed) -> bool {
        // Each place that is taken gives it back.
        let refused =
            self.0.iter().try_fold(Box::new(installed), |installed, place| place.set(installed).err());
        refused.is_none()
    }
}

/// What an installed agent consists of.
struct Installed {
    /// The process instance in every [`PanicId`].
    instance: u64,
    channel: &'static Channel,
    counters: &'static Counters,
    writer: WriterHandle,
    flush_deadline: Duration,
    /// [`fork::generation`] of the process that has the writer.
    home: u32,
    hook: &'static HookState,
    /// The file that holds the slots, if one does.
    spool: Option<&'static LiveSpool>,
    /// The emptying of dead processes' spools.
    recovery: Recovery,
    /// Whether this is a test harness that is audited.
    audited: bool,
}

impl Installed {
    /// Whether this is the process with the writer thread, and not a forked child of it.
    fn is_at_home(&self) -> bool {
        fork::generation() == self.home
    }
}

/// Installs the agent with its defaults: reports go to `panics.jsonl` in the working directory (or to
/// `PANIC_AGENT_FILE`), and the previous hook is called as before.
///
/// Never panics and never fails the program. If the agent cannot start, it prints one line on stderr with the reason and what
/// to do, and the program runs without it. Call it first in `main`:
///
/// ```
/// let _agent = panic_agent::init();
/// ```
///
/// Bind the guard to a name. `let _ = panic_agent::init();` drops it at once. No report is lost, because an exit handler
/// flushes, too; but `main` no longer waits for the writer when it returns.
///
/// The macro [`init!`](crate::init!) does the same and also sets `service` and `version` from your Cargo package.
pub fn init() -> AgentGuard {
    Agent::builder().init()
}

/// Like [`init`], for programs that decide themselves what to do if the agent cannot start.
///
/// # Errors
/// See [`ErrorKind`](crate::ErrorKind). `PANIC_AGENT=off` is not an error: it returns a guard that does nothing.
pub fn try_init() -> Result<AgentGuard, Error> {
    Agent::builder().install()
}

/// Waits until the reports of all earlier panics are written and the sinks are flushed.
///
/// Returns `false` if the deadline passed first, and in a forked child, which has no writer. Returns `true` if there is
/// nothing to wait for, also without an agent.
pub fn flush(deadline: Duration) -> bool {
    AGENT.get().is_none_or(|agent| agent.is_at_home() && agent.writer.flush(deadline))
}

/// What the agent has seen since it was installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls of the hook.
    pub panics: u64,
    /// `panic` lines that reached a sink.
    pub written: u64,
    /// Reports that the writer has not processed yet.
    pub pending: u64,
    /// Lost reports, by reason.
    pub losses: Losses,
    /// Panics that nobody can ever see, as far as lines have told; see [`Event::Silent`](crate::act::Event::Silent).
    pub silent: u64,
    /// Panics that a thread died of; see [`Event::Uncaught`](crate::act::Event::Uncaught).
    pub uncaught: u64,
    /// Panics of tasks that nobody awaits; see [`Event::TaskDied`](crate::act::Event::TaskDied).
    pub tasks_died: u64,
    /// Panics whose error was dropped unread; see [`Event::Swallowed`](crate::act::Event::Swallowed).
    pub swallowed: u64,
}

/// Returns the counts so far; all zero without an agent.
///
/// After [`flush`] has returned `true`, and while no thread panics,
/// `panics == written + losses.total()`.
pub fn stats() -> Stats {
    AGENT.get().map_or_else(Stats::default, |agent| {
        let Counts { silent, uncaught, tasks_died, swallowed } = agent.writer.shared.counts();
        Stats {
            panics: agent.counters.panics(),
            written: agent.writer.shared.written(),
            pending: agent.channel.pending(),
            losses: agent.channel.losses.totals(),
            silent,
            uncaught,
            tasks_died,
            swallowed,
        }
    })
}

impl Stats {
    /// Whether the process is whole, as far as panics go: for an endpoint that a supervisor or a load balancer asks.
    ///
    /// # Examples
    /// ```
    /// let health = panic_agent::stats().health();
    /// let status = if health.is_ok() { 200 } else { 503 };
    /// println!("{status} {health}");
    /// ```
    pub fn health(&self) -> Health {
        let Self { silent, uncaught, tasks_died, losses, .. } = self;
        Health { silent: *silent, threads_died: *uncaught, tasks_died: *tasks_died, lost: losses.total() }
    }
}

/// The name of a panic that a wrapper caught. One that has no report gets one of an instance of its own, so that
/// it is taken for no other.
pub(crate) fn panic_id(sequence: u64, unreported: bool) -> PanicId {
    static UNREPORTED: OnceNonZeroUsize = OnceNonZeroUsize::new();
    let reported = AGENT.get().filter(|_| !unreported).map(|agent| agent.instance);
    let make = || NonZero::new(install::instance() as usize).unwrap_or(NonZero::<usize>::MIN);
    let instance = reported.unwrap_or_else(|| UNREPORTED.get_or_init(make).get() as u64);
    PanicId::new(instance, sequence)
}

/// A place for the report of a panic that a wrapper caught; `None` without an agent.
pub(crate) fn await_report(sequence: u64) -> Option<Arc<Pigeonhole>> {
    let agent = AGENT.get().filter(|agent| agent.is_at_home())?;
    Some(agent.writer.shared.board.await_report(sequence))
}

/// Nobody asks for this report any more, unless the panic goes on.
pub(crate) fn forget_report(sequence: u64, place: &Arc<Pigeonhole>, goes_on: bool) {
    match AGENT.get() {
        Some(agent) if goes_on => agent.writer.shared.board.give_back(sequence, place),
        Some(agent) => agent.writer.shared.board.forget(sequence, place),
        None => {}
    }
}

/// Whether there is an agent.
pub(crate) fn is_installed() -> bool {
    AGENT.get().is_some()
}

/// How long something of ours waits for the writer, unless it is told otherwise.
pub(crate) fn patience() -> Duration {
    AGENT.get().map_or(Duration::ZERO, |agent| agent.flush_deadline)
}

/// Subscribes to the lines of this process as values: panics, verdicts, findings and the others, in the order in which they
/// are written. At most `capacity` lines wait in the queue.
///
/// If the queue is full, the line is counted as [`subscriber_full`](crate::record::LossReason::SubscriberFull); it is still
/// written to the sinks. Without an agent the subscription is closed from the start.
pub fn subscribe(capacity: usize) -> Subscription {
    Subscription::new(AGENT.get().map(|agent| agent.writer.subscribe(capacity)))
}
