//! What a thread's panic does to the process.
//!
//! Runs on: the thread that panicked, after its unwinding. Must not: end the process before the report is written.

use core::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use super::Caught;
use crate::agent;
use crate::error::complain;
use crate::sys::at_exit;

/// What a panic on a thread does, in addition to the report. See [`Builder::on_panic`](crate::thread::Builder::on_panic).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// Does nothing.
    #[default]
    Observe,
    /// Prints one line on stderr that names the thread.
    Warn,
    /// Aborts the process as soon as the report is written.
    Abort,
    /// Lets the process go on. It exits with this status instead of 0.
    ExitCode(i32),
    /// Restarts the worker, at most `max` times, and then gives up with a finding. Only for
    /// [`Builder::spawn_worker`](crate::thread::Builder::spawn_worker).
    Restart {
        /// Maximum number of restarts.
        max: u32,
        /// Delay before the first restart. It doubles with each restart, up to a minute, with a random jitter of up to a half.
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

/// Runs in `exit`. `status` is what the process is about to end with, `None` where the system does not tell.
fn change_status(status: Option<i32>) {
    let wanted = EXIT.load(Ordering::Relaxed);
    if status.is_none_or(|status| status == 0) && wanted != 0 {
        agent::finish();
        at_exit::leave(wanted);
    }
}
