//! Sends a batch until everything in it is delivered, dead, or the end is asked for.
//!
//! Runs on: the thread of a destination. Must not: give up a record that the receiver may take later.

use std::time::{Duration, Instant};

use super::answer::Answer;
use super::config::Route;
use super::dead_letter::DeadLetters;
use super::destination::Destination;
use super::metrics::Counters;
use super::record::Record;
use super::retry::Backoff;
use super::stop::Stop;

/// A failure that may be ours is tried so often before the batch is halved.
const FAULTS: u32 = 5;
/// How often a blocked destination's secret is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait that a receiver can ask for.
const MAX_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Sends records of one destination.
pub(crate) struct Delivery<'a> {
    name: &'a str,
    destination: &'a mut dyn Destination,
    dead: DeadLetters,
    backoff: Backoff,
    pause: Duration,
    counters: &'a Counters,
    stop: &'a Stop,
    /// Nothing is sent before.
    not_before: Option<Instant>,
    /// The same is said once.
    said: Option<String>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(
        route: &'a mut Route,
        dead: DeadLetters,
        counters: &'a Counters,
        stop: &'a Stop,
    ) -> Self {
        Self {
            name: &route.name,
            destination: &mut *route.destination,
            dead,
            backoff: Backoff::new(route.backoff_min, route.backoff_max),
            pause: route.pause,
            counters,
            stop,
            not_before: None,
            said: None,
        }
    }

    /// Calls `done` with each record that is delivered or dead. False: the end came first.
    pub(crate) fn deliver(&mut self, batch: &[Record], mut done: impl FnMut(&[Record])) -> bool {
        let most = self.destination.most().max(1);
        // Parts that are still to be sent, the next one last.
        let mut parts: Vec<&[Record]> = batch.chunks(most).rev().collect();
        let mut faults = 0;
        while let Some(part) = parts.pop() {
            if !self.hold() {
                return false;
            }
            let started = Instant::now();
            let answer = self.destination.send(part);
            self.counters.sent(started.elapsed());
            if !matches!(answer, Answer::Fault { .. }) {
                faults = 0;
            }
            match answer {
                Answer::Delivered(after) => {
                    self.hold_for(after);
                    self.well();
                    self.counters.delivered(part);
                    done(part);
                }
                Answer::Partial { rejected, why } => {
                    self.well();
                    let certain = usize::try_from(rejected).is_ok_and(|rejected| rejected >= part.len());
                    let reason = format!("{rejected} of {} rejected: {why}", part.len());
                    if !self.bury(part, &reason, certain) {
                        return false;
                    }
                    done(part);
                }
                Answer::Retry { after, why } => {
                    self.complain(&why, "trying again");
                    let wait = after.unwrap_or_else(|| self.backoff.next());
                    self.hold_for(Some(wait));
                    self.counters.retried();
                    parts.push(part);
                }
                Answer::Fault { why } if faults < FAULTS => {
                    faults += 1;
                    self.complain(&why, "trying again");
                    let wait = self.backoff.next();
                    self.hold_for(Some(wait));
                    self.counters.retried();
                    parts.push(part);
                }
                Answer::Fault { why } | Answer::Refused { why } => {
                    faults = 0;
                    self.backoff.reset();
                    if part.len() == 1 {
                        if !self.bury(part, &why, true) {
                            return false;
                        }
                        done(part);
                    } else {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second, first]);
                    }
                }
                Answer::Blocked { why } => {
                    parts.push(part);
                    if !self.blocked(&why) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Waits until something may be sent. False: the end is asked for.
    fn hold(&mut self) -> bool {
        if self.stop.is_asked() {
            return false;
        }
        let Some(not_before) = self.not_before.take() else { return !self.is_over() };
        self.counters.holding(true);
        let waited = self.stop.wait(not_before.saturating_duration_since(Instant::now()));
        self.counters.holding(false);
        waited && !self.is_over()
    }

    /// Whether nothing is tried any more, and what is left is kept.
    fn is_over(&self) -> bool {
        self.stop.draining().is_some_and(|until| Instant::now() >= until)
    }

    fn hold_for(&mut self, after: Option<Duration>) {
        let until = after.and_then(|after| Instant::now().checked_add(after.min(MAX_AFTER)));
        self.not_before = self.not_before.max(until);
    }

    /// Waits until the pause is over or the secret is another one. False: the end is asked for.
    fn blocked(&mut self, why: &str) -> bool {
        self.counters.blocked(true);
        self.complain(
            why,
            "nothing is sent and nothing discarded until it accepts us; check `url` and the secret",
        );
        let until = Instant::now().checked_add(self.pause);
        loop {
            let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
            if !self.stop.wait(left.min(LOOK)) || self.is_over() {
                return false;
            }
            if self.destination.refresh() || until.is_some_and(|until| Instant::now() >= until) {
                return true;
            }
        }
    }

    /// The receiver answers as it should.
    fn well(&mut self) {
        self.backoff.reset();
        self.counters.blocked(false);
        if self.said.take().is_some() {
            eprintln!("panic-agent: destination `{}`: delivering again", self.name);
        }
    }

    /// Says the same only once.
    fn complain(&mut self, why: &str, then: &str) {
        self.counters.failed();
        if self.said.as_deref() != Some(why) {
            eprintln!("panic-agent: destination `{}`: {why}; {then}", self.name);
            self.said = Some(why.to_owned());
        }
    }

    /// Keeps records for people. What cannot be kept is not given up: false when the end is asked for meanwhile.
    fn bury(&mut self, records: &[Record], reason: &str, certain: bool) -> bool {
        for record in records {
            while let Err(error) = self.dead.put(record, reason, certain) {
                let why = format!("cannot write `{}`: {error}", self.dead.path.display());
                self.complain(&why, "trying again");
                let wait = self.backoff.next();
                if !self.stop.wait(wait) || self.is_over() {
                    return false;
                }
            }
            eprintln!(
                "panic-agent: destination `{}`: {} was not accepted and is kept in `{}`: {reason}",
                self.name,
                record.id,
                self.dead.path.display()
            );
        }
        self.counters.dead(records);
        true
    }
}
