//! Threads that ship, from their start to their end.
//!
//! Runs on: the caller's thread. Must not: wait longer than it was told.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::failure::Failure;
use crate::fingerprints::Fingerprints;
use crate::metrics::{Metrics, Numbers};
use crate::priority;
use crate::state::State;
use crate::stop::Stop;
use crate::worker::{End, Settings, Worker};

/// How long a shipper that is dropped goes on.
const DROPPED: Duration = Duration::from_secs(2);
/// How long a thread has to notice that the time is over.
const GRACE: Duration = Duration::from_millis(500);

/// Ships by a configuration until the shipper is dropped.
///
/// # Errors
///
/// The configuration cannot be used, or another shipper serves one of its destinations.
pub fn start(config: impl AsRef<Path>) -> Result<Shipper, Failure> {
    Shipper::start(Config::read(config)?)
}

/// Ships as long as it lives.
///
/// Dropping it ships what is there, for two seconds at most, and ends it; what is not delivered by then is shipped after the
/// next start. Keep it in a variable with a name: `let _ = …` drops it at once. Declare it before the agent's guard, so that
/// the agent has written everything down when it is dropped.
#[must_use = "dropping it ends the shipping"]
#[derive(Debug)]
pub struct Shipper {
    stop: Stop,
    metrics: Arc<Metrics>,
    /// One word from each thread.
    ends: Receiver<End>,
    left: usize,
    ended: Ended,
}

/// How shipping ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    complete: bool,
    died: bool,
}

impl Ended {
    /// Whether everything that was there is delivered, or in a dead-letter file.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete && !self.died
    }

    /// Whether the thread of a destination panicked. What it did not deliver is sent after the next start.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.died
    }
}

impl Shipper {
    /// Starts a thread for each destination, on Linux with a low priority.
    ///
    /// # Errors
    ///
    /// The directory for the state cannot be used, another shipper serves one of the destinations, or there is no thread.
    pub fn start(config: Config) -> Result<Self, Failure> {
        Self::launch(config, priority::lower)
    }

    /// The same in a process that does nothing else.
    ///
    /// # Errors
    ///
    /// As those of [`start`](Self::start).
    pub fn start_alone(config: Config) -> Result<Self, Failure> {
        Self::launch(config, || {})
    }

    fn launch(config: Config, prepare: fn()) -> Result<Self, Failure> {
        let settings = Settings::of(&config);
        let metrics = Arc::new(Metrics::new(config.routes.iter().map(|route| route.name.clone())));
        let stop = Stop::default();
        let mut workers = Vec::new();
        for (index, route) in config.routes.into_iter().enumerate() {
            let state = State::open(&config.state, &route.name)?;
            let fingerprints = (index == 0).then(|| Fingerprints::open(&config.state));
            let (metrics, stop) = (Arc::clone(&metrics), stop.clone());
            workers.push(Worker { route, state, metrics, index, stop, fingerprints });
        }
        let (sender, ends) = channel();
        let ended = Ended { complete: true, died: false };
        let mut shipper = Self { stop, metrics, ends, left: 0, ended };
        for worker in workers {
            let name = format!("ship-{}", worker.route.name);
            let word = LastWord { sender: sender.clone(), stop: worker.stop.clone(), end: End::Died };
            let settings = settings.clone();
            let thread = std::thread::Builder::new().name(name).spawn(move || {
                let mut word = word;
                prepare();
                word.end = worker.run(&settings);
            });
            // Those that were started end with the shipper.
            thread.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
            shipper.left += 1;
        }
        Ok(shipper)
    }

    /// What has been shipped, from now on and also when the shipper is gone.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        Numbers::of(&self.metrics)
    }

    /// Asks for the end, also from another thread.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Ships what is there and ends then, or after so long.
    pub fn drain(&self, within: Duration) {
        self.stop.drain(within);
    }

    /// Waits until all threads have ended: because the end was asked for, or everything is drained.
    #[must_use]
    pub fn wait(mut self) -> Ended {
        self.collect(None)
    }

    /// Ships what is there, for so long at most. A request that is under way is not waited for longer: what it carries may be
    /// sent once more after the next start.
    pub fn finish(mut self, within: Duration) -> Ended {
        self.drain(within);
        self.collect(Instant::now().checked_add(within.saturating_add(GRACE)))
    }

    fn collect(&mut self, until: Option<Instant>) -> Ended {
        while self.left > 0 {
            let end = match until {
                None => self.ends.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(until) => self.ends.recv_timeout(until.saturating_duration_since(Instant::now())),
            };
            match end {
                Ok(End::Complete) => {}
                Ok(End::Early) => self.ended.complete = false,
                Ok(End::Died) => self.ended.died = true,
                Err(_) => {
                    self.stop.ask();
                    self.ended.complete = false;
                    self.left = 1;
                }
            }
            self.left -= 1;
        }
        self.ended
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        if self.left > 0 {
            self.drain(DROPPED);
            self.collect(Instant::now().checked_add(DROPPED + GRACE));
        }
    }
}

/// Tells how a thread ended, also when it panicked: then the others end, too. A destination must not be gone without a word.
struct LastWord {
    sender: Sender<End>,
    stop: Stop,
    end: End,
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if self.end == End::Died {
            self.stop.ask();
        }
        // Nobody may be there to hear it.
        let _told = self.sender.send(self.end);
    }
}
