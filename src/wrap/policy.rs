//! What a thread's panic does to the process.
//!
//! Runs on: the thread that panicked, after its unwinding. Must not: end the process before the report is written.

use core::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use super::Caught;
use crate::agent;
use crate::error::complain;
use crate::sys::at_exit;

/// What a panic on a thread does, beyond the report. See [`Builder::on_panic`](crate::Builder::on_panic).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// Nothing.
    #[default]
    Observe,
    /// One line on stderr that names the thread.
    Warn,
    /// Ends the process at once, after the report was written.
    Abort,
    /// The process goes on and ends with this status in place of 0.
    ExitCode(i32),
    /// Starts the worker again, at most `max` times, and then gives up with a finding. Only for
    /// [`Builder::spawn_worker`](crate::Builder::spawn_worker).
    Restart {
        /// Restarts, in all.
        max: u32,
        /// Wait before the first restart; twice as long before each further one, at most a minute, each made up to
        /// a half longer or shorter at random.
        backoff: Duration,
    },
}

impl Policy {
    /// Does what it says for a panic that nothing will start again.
    pub(super) fn apply(self, caught: &Caught, name: Option<&str>) {
        let name = name.unwrap_or("<unnamed>");
        let text = caught.text().unwrap_or("(payload is not a text)");
        match self {
            Self::Observe | Self::Restart { .. } => {}
            Self::Warn => complain(&format_args!("thread `{name}` panicked and ends: {text}")),
            Self::Abort => {
                complain(&format_args!("thread `{name}` panicked and its policy ends the process: {text}"));
                // Not written in time is not a reason to live on.
                let _in_time = crate::flush(agent::patience());
                std::process::abort();
            }
            Self::ExitCode(status) => EXIT.store(status, Ordering::Relaxed),
        }
    }

    /// Called when a thread is given the policy, while everything is well.
    pub(super) fn prepare(self) {
        static ONCE: std::sync::Once = std::sync::Once::new();
        if matches!(self, Self::ExitCode(_)) {
            ONCE.call_once(|| _ = at_exit::register_status(change_status));
        }
    }
}

/// Status that the process ends with; 0 leaves it alone. Relaxed: it publishes nothing else.
static EXIT: AtomicI32 = AtomicI32::new(0);

/// Runs in `exit`. `status` is what the process is about to end with, as far as the system tells.
fn change_status(status: i32) {
    let wanted = EXIT.load(Ordering::Relaxed);
    if status == 0 && wanted != 0 {
        agent::finish();
        at_exit::leave(wanted);
    }
}
