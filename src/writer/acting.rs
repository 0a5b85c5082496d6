//! Does what a verdict calls for, after its line has reached the sinks.
//!
//! Runs on: the writer thread; functions of the user and `exit` on the thread `panic-agent-act`, which is started for the
//! first of them. Must not: let a slow function hold up lines; end the process before the line is flushed.

use std::thread;
use std::time::Instant;

use crossbeam_channel::{Sender, TrySendError, bounded};

use super::worker::Worker;
use crate::act::{Action, Called, Counts, Judge, Occurrence};
use crate::config::user_code::guarded;
use crate::error::complain;
use crate::record::finding::Finding;
use crate::record::{EndedBy, Line, LossCounters, LossReason};

/// Calls that wait for a slow function.
const WAITING_CALLS: usize = 64;
const THREAD_NAME: &str = "panic-agent-act";

/// What is to be done, and what was.
#[derive(Debug, Default)]
pub(crate) struct Acting {
    judge: Judge,
    /// What ends the process; at the end of a turn, so that everything that is due with it is written.
    pub(super) last: Option<(Action, EndedBy, Line)>,
    /// What ended the process.
    pub(super) ended_by: Option<EndedBy>,
    calls: Option<Sender<Box<dyn FnOnce() + Send>>>,
}

impl Acting {
    pub(crate) fn new(judge: Judge) -> Self {
        Self { judge, ..Self::default() }
    }

    /// Looks at a line that the sinks have.
    pub(super) fn look(&mut self, line: &Line, ending: bool, losses: &LossCounters) -> Counts {
        for Called { event, action, panic } in self.judge.look(line, Instant::now) {
            match &action {
                Action::Report => {}
                Action::Warn => warn(event.sentence(), line),
                Action::Call(call) => {
                    let (call, line) = (call.clone(), line.clone());
                    let occurrence = Occurrence { event, panic, line };
                    self.on_thread(Box::new(move || (call.0)(&occurrence)), losses);
                }
                // The process ends anyway, and with which status is decided.
                Action::Exit(_) | Action::Abort
                    if ending || self.last.is_some() || self.ended_by.is_some() => {}
                Action::Exit(_) | Action::Abort => {
                    let by = EndedBy { panic, event: event.to_string(), action: action.to_string() };
                    self.last = Some((action, by, line.clone()));
                }
            }
        }
        self.judge.counts
    }

    /// Panics for which each event was confirmed.
    pub(super) fn counts(&self) -> Counts {
        self.judge.counts
    }

    /// Hands a job to the thread for them. One that finds no room is dropped and counted.
    fn on_thread(&mut self, job: Box<dyn FnOnce() + Send>, losses: &LossCounters) {
        if self.calls.is_none() {
            let (calls, jobs) = bounded::<Box<dyn FnOnce() + Send>>(WAITING_CALLS);
            let serve = move || {
                for job in jobs {
                    let _panicked = guarded(job);
                }
            };
            match thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(serve) {
                // It works until the process ends.
                Ok(_) => self.calls = Some(calls),
                Err(error) => complain(&format_args!("cannot start the thread for reactions: {error}")),
            }
        }
        let sent = self.calls.as_ref().map(|calls| calls.try_send(job));
        if !matches!(sent, Some(Ok(()))) {
            losses.record(LossReason::SubscriberFull);
        }
        if let Some(Err(TrySendError::Disconnected(_))) = sent {
            self.calls = None;
        }
    }
}

impl Worker {
    /// At the end of a turn: ends the process if a reaction says so.
    pub(super) fn end_by_reaction(&mut self) {
        let Some((action, by, line)) = self.acting.last.take() else { return };
        self.acting.ended_by = Some(by.clone());
        self.say_verdicts(false);
        self.find(Finding::ended_by_reaction(&by));
        self.flush();
        self.last_words.of_reaction(&line, &by);
        match action {
            Action::Abort => std::process::abort(),
            Action::Exit(status) => {
                // Exit handlers wait for this thread, so they need another one. The one for calls may be busy for ever.
                let exit = move || std::process::exit(status);
                if thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(exit).is_err() {
                    std::process::exit(status);
                }
            }
            _ => {}
        }
    }
}

/// One line on stderr; whoever closed it does not want it.
fn warn(what: &str, line: &Line) {
    let Some(verdict) = line.verdict() else { return };
    let thread = verdict.thread.unwrap_or("<unnamed>");
    let message = verdict.message.and_then(|text| text.lines().next()).unwrap_or("<no message>");
    complain(&format_args!("{what}: thread '{thread}' panicked: {message} ({})", verdict.head.id));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::act::{Event, Reaction};
    use crate::record::{EndLine, LineKind};
    use crate::testing::samples::*;

    /// Whether a reaction ended the process by itself would be seen by the end of these tests.
    #[test]
    fn a_reaction_in_the_turn_that_ends_the_process_writes_nothing_behind_the_end() {
        let exits = vec![Reaction::new(Event::Any, Action::Exit(70))];
        let (inbox, sink, mut worker, handle) = bench_with(|options| options.reactions = exits);
        inbox.publish(raw_record());
        assert!(!handle.finish(Duration::ZERO), "it is only asked for");
        work(&mut worker);
        assert_eq!(kinds(&sink), ["process", "panic", "verdict", "end"]);
        let end: EndLine = serde_json::from_str(&sink.lines_of(LineKind::End)[0]).unwrap();
        assert_eq!(end.ended_by, None, "it ended anyway");
    }
}
