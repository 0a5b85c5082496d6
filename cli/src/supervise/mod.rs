//! `panic-agent run --supervise`: starts a program again when it dies, and writes down deaths that are no panic.
//!
//! Reading order: `args` (what can be asked), `mod` (one life after the other), `wait` (the end of a process), `seen` (what
//! the process wrote), `cause` (why it died), `budget` (whether it starts again). Beside them: `signals` (passed on),
//! `tail` (standard error), `memory` (the kernel's counts of kills), `redact`.
//!
//! Runs on: the main thread, one for signals, and one per process for its standard error. Must not: change what the
//! program receives, prints or returns.

mod args;
mod budget;
mod cause;
mod memory;
mod redact;
mod seen;
mod signals;
mod tail;
mod wait;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use panic_agent::record::{DeathUsage, Line};
use panic_agent::recovery;

pub(crate) use args::SuperviseArgs;
use budget::{Budget, Decision};
use cause::{Cause, Evidence};
use redact::Redaction;
use seen::Seen;
use signals::Relay;
use tail::Tail;

use crate::failure::Failure;
use crate::{Outcome, child, lines};

/// What is supervised.
struct Program<'a> {
    /// Starts it.
    command: Command,
    /// Command and arguments, for lines.
    words: Vec<String>,
    /// Where its lines go; `{pid}` stands for its process id.
    log: &'a Path,
    /// Whether an agent was loaded into it.
    is_observed: bool,
}

/// Runs a program until it ends in order, or has died too often; returns its last status. `words`: the command and its
/// arguments, for lines. `log`: where its lines go. `is_observed`: an agent is loaded into it.
pub(crate) fn supervise(
    command: Command,
    words: Vec<String>,
    log: &Path,
    is_observed: bool,
    args: &SuperviseArgs,
) -> Outcome {
    let mut program = Program { command, words, log, is_observed };
    let relay = Relay::new()?;
    let redaction = Redaction::new(&args.redact);
    let mut budget = Budget::new(args);
    for starts in 1.. {
        let life = Life::run(&mut program, &relay, args.stderr_tail)?;
        let stopped = relay.stops();
        let decision = if stopped { Decision::Stop } else { budget.decide(&life.end.status) };
        if let Some(cause) = life.cause(stopped) {
            life.write(&program, &cause, starts, &decision, &redaction);
            eprintln!("panic-agent: {}", life.tell(&program, &cause));
        } else if !life.end.status.success() && !stopped {
            eprintln!("panic-agent: `{}` (pid {}) ended: {}", program.words[0], life.pid, life.end.status);
        }
        match decision {
            Decision::Restart { wait, used, most } => {
                let wait_ms = wait.as_millis();
                eprintln!("panic-agent: starting it again in {wait_ms} ms (restart {used} of {most})");
                if relay.wait_for_stop(wait) {
                    return Ok(child::status_of(life.end.status));
                }
            }
            Decision::Exhausted { used, within } => {
                eprintln!(
                    "panic-agent: `{}` has died {used} times within {} s; it is not started again",
                    program.words[0],
                    within.as_secs()
                );
                return Ok(child::status_of(life.end.status));
            }
            Decision::Stop => return Ok(child::status_of(life.end.status)),
        }
    }
    Ok(0)
}

/// One process, from its start to what is known after its end.
struct Life {
    pid: u32,
    end: wait::End,
    ran: Duration,
    seen: Seen,
    stderr: Option<Vec<u8>>,
    kills: u64,
    log: PathBuf,
}

impl Life {
    fn run(program: &mut Program<'_>, relay: &Relay, tail_bytes: usize) -> Result<Self, Failure> {
        let mark = seen::Mark::of(program.log);
        let kills = memory::kills();
        if tail_bytes > 0 {
            program.command.stderr(Stdio::piped());
        }
        let name = PathBuf::from(program.command.get_program());
        let started = Instant::now();
        let mut process = program.command.spawn().map_err(|error| Failure::cannot_start(&name, &error))?;
        let pid = process.id();
        relay.begin(pid);
        let tail = process.stderr.take().map(|stderr| Tail::follow(stderr, tail_bytes));
        let end = wait::wait(process, &name)
            .map_err(|error| Failure::new(format!("cannot wait for `{}`: {error}", name.display())))?;
        relay.end();
        let ran = started.elapsed();
        let stderr = tail.map(Tail::finish);
        let log = seen::log_of(program.log, pid);
        if program.is_observed {
            lines::recover(&log);
        }
        let seen = Seen::read(&log, mark, pid);
        let kills = memory::kills().saturating_sub(kills);
        Ok(Self { pid, end, ran, seen, stderr, kills, log })
    }

    fn cause(&self, stopped: bool) -> Option<Cause> {
        cause::find(&Evidence {
            status: self.end.status,
            kept_name: self.end.kept_name,
            stopped,
            seen: &self.seen,
            stderr: self.stderr.as_deref(),
            kills: self.kills,
        })
    }

    fn tell(&self, program: &Program<'_>, cause: &Cause) -> String {
        let core = if self.end.status_dumped_core() { ", core dumped" } else { "" };
        let ran = self.ran.as_secs_f64();
        format!("`{}` (pid {}) {} after {ran:.1} s{core}", program.words[0], self.pid, cause.tell())
    }

    fn write(
        &self,
        program: &Program<'_>,
        cause: &Cause,
        starts: u64,
        decision: &Decision,
        redaction: &Redaction,
    ) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut death = recovery::death(self.pid, self.seen.head.as_ref());
        death.message = redaction.text(&self.tell(program, cause));
        death.cause = cause.word().to_owned();
        death.basis = cause.basis().to_owned();
        death.status = self.end.status.code();
        death.signal = self.end.signal_name();
        death.core_dumped = self.end.status_dumped_core();
        death.command = program.words.iter().map(|word| redaction.text(word)).collect();
        death.ran_ms = millis(self.ran);
        death.usage = self
            .end
            .usage
            .map(|usage| DeathUsage::new(millis(usage.utime), millis(usage.stime), usage.maxrss / 1024));
        death.panics = self.seen.panics.iter().cloned().collect();
        death.stderr = self.stderr.as_ref().map(|bytes| redaction.text(&String::from_utf8_lossy(bytes)));
        death.starts = starts;
        death.restart_in_ms = match decision {
            Decision::Restart { wait, .. } => Some(millis(*wait)),
            Decision::Exhausted { .. } | Decision::Stop => None,
        };
        if let Err(error) = recovery::append(&self.log, &Line::from(death)) {
            eprintln!("panic-agent: {error}");
        }
    }
}
