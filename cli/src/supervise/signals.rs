//! Signals that the supervisor gets are the program's.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::Pid;
use signal_hook::consts::signal::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::child::{PASSED_ON, pass_on};
use crate::failure::Failure;

/// Who gets them, and whether one of them asked for the end.
#[derive(Debug, Default)]
struct State {
    pid: Option<Pid>,
    /// Came while no process was there.
    waiting: Vec<i32>,
    stops: bool,
}

/// Passes signals on, from one process to the next.
#[derive(Debug)]
pub(super) struct Relay(Arc<(Mutex<State>, Condvar)>);

impl Relay {
    pub(super) fn new() -> Result<Self, Failure> {
        let mut signals = Signals::new(PASSED_ON)
            .map_err(|error| Failure::new(format!("cannot pass signals on: {error}")))?;
        let shared = Arc::new((Mutex::default(), Condvar::new()));
        let relay = Self(Arc::clone(&shared));
        thread::spawn(move || {
            for signal in signals.forever() {
                Self(Arc::clone(&shared)).take(signal);
            }
        });
        Ok(relay)
    }

    fn take(&self, signal: i32) {
        let mut state = self.locked();
        if matches!(signal, SIGTERM | SIGINT | SIGQUIT) {
            state.stops = true;
            self.0.1.notify_all();
        }
        match state.pid {
            Some(pid) => pass_on(pid, signal),
            None => state.waiting.push(signal),
        }
    }

    /// A process is there.
    pub(super) fn begin(&self, pid: u32) {
        let mut state = self.locked();
        state.pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = state.pid {
            state.waiting.drain(..).for_each(|signal| pass_on(pid, signal));
        }
    }

    /// It is gone; its id may be another's.
    pub(super) fn end(&self) {
        self.locked().pid = None;
    }

    /// Whether somebody asked for the end.
    pub(super) fn stops(&self) -> bool {
        self.locked().stops
    }

    /// Waits so long, or until somebody asks for the end.
    pub(super) fn wait_for_stop(&self, time: Duration) -> bool {
        let waited = self.0.1.wait_timeout_while(self.locked(), time, |state| !state.stops);
        waited.unwrap_or_else(PoisonError::into_inner).0.stops
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
