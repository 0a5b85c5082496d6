//! Writes the reports of a forked child, on its panicking threads.
//!
//! Runs on: panicking threads of forked children, inside the hook. Must not: take a lock that a thread of the parent
//! may have held at the fork (the writer's sinks, the debug information, the user's redactor), or touch the spool.
//!
//! The line is written before the hook returns, so nothing is under way that could be lost. In exchange it has
//! addresses and no names: reading debug information takes long, and the lock around it may never be free again.

use std::time::Duration;

use parking_lot::Mutex;

use super::fan_out::FanOut;
use crate::config::{Options, Redactor};
use crate::hook::ChildWriter;
use crate::record::{EncodedLine, Line, LossReason, RawRecord, SoftError};
use crate::report::build::Builder;
use crate::report::prepared::Stacks;
use crate::report::process_lines::{Abilities, process_line};
use crate::report::process_view::Surroundings;
use crate::report::report_json::LineBuffer;
use crate::report::service::Service;
use crate::sink::Reopen;
use crate::symbolize::{Naming, Off};
use crate::sys::fork;
use crate::verdict::Strategy;

/// Stands for a text whose redactor stayed in the parent.
const NO_REDACTOR: &str = "[no redactor in a forked child]";
/// Word of everything that a forked child lacks.
const FORKED_CHILD: &str = "forked_child";

/// What a child needs; made in the parent.
pub(crate) struct AfterFork {
    service: Service,
    /// Destinations that can be opened again.
    outputs: Vec<Reopen>,
    /// Whether texts must not be written as they are.
    redacted: bool,
    max_report_bytes: usize,
    /// How long one thread waits for another one of the child.
    deadline: Duration,
    /// A number for the process instance of a child.
    instance: fn() -> u64,
    surroundings: fn() -> Box<dyn Surroundings>,
    /// Used in children only, so it is free at the first fork.
    state: Mutex<Option<Box<Child>>>,
}

/// The writer of one child.
struct Child {
    /// [`fork::generation`] of the child.
    generation: u32,
    record: Box<RawRecord>,
    panics: u64,
    builder: Builder,
    sinks: FanOut,
    line: LineBuffer,
}

impl AfterFork {
    /// `instance` and `surroundings` are asked in a child, when it begins.
    pub(crate) fn new(
        options: &Options,
        outputs: Vec<Reopen>,
        instance: fn() -> u64,
        surroundings: fn() -> Box<dyn Surroundings>,
    ) -> Self {
        Self {
            service: Service::new(0, options),
            outputs,
            redacted: options.redactor.is_some(),
            max_report_bytes: options.max_report_bytes,
            deadline: options.flush_deadline,
            instance,
            surroundings,
            state: Mutex::new(None),
        }
    }
}

impl ChildWriter for AfterFork {
    fn write(&self, fill: &mut dyn FnMut(&mut RawRecord)) -> Result<u64, LossReason> {
        let mut state = self.state.try_lock_for(self.deadline).ok_or(LossReason::NoWriter)?;
        let generation = fork::generation();
        if state.as_ref().is_none_or(|child| child.generation != generation) {
            // What a parent of this process left there stays: its files are not this process's to close.
            core::mem::forget(state.replace(Box::new(Child::new(self, generation)?)));
        }
        let child = state.as_mut().ok_or(LossReason::NoWriter)?;
        child.record.clear();
        child.panics += 1;
        child.record.sequence = child.panics;
        fill(&mut child.record);
        child.write(self.max_report_bytes)
    }
}

impl Child {
    /// Opens the outputs, and says who this is.
    fn new(after: &AfterFork, generation: u32) -> Result<Self, LossReason> {
        let sinks: Vec<_> = after.outputs.iter().filter_map(|output| output.open().ok()).collect();
        if sinks.is_empty() {
            return Err(LossReason::NoWriter);
        }
        let redactor: Option<Redactor> =
            if after.redacted { Some(Box::new(|_, _| Some(NO_REDACTOR.to_owned()))) } else { None };
        let builder = Builder::new(
            Service { instance: (after.instance)(), ..after.service.clone() },
            (after.surroundings)(),
            Stacks::new(Box::new(Off), Strategy::THIS_BUILD),
            redactor,
        );
        let (record, sinks) = (RawRecord::boxed(), FanOut::new(sinks));
        let mut child = Self { generation, record, panics: 0, builder, sinks, line: LineBuffer::new() };
        child.introduce()?;
        Ok(child)
    }

    fn introduce(&mut self) -> Result<(), LossReason> {
        let mut abilities = Abilities::of_this_build(true);
        abilities.can.retain(|ability| ability != "symbols");
        abilities.cannot(
            "spool",
            FORKED_CHILD,
            "lines are written before the hook returns; nothing is under way",
        );
        abilities.cannot("frames.function", FORKED_CHILD, "debug information is not read in a forked child");
        let own_ip = Self::introduce as fn(&mut Self) -> Result<(), LossReason> as usize as u64 + 1;
        let line = Line::from(process_line(&mut self.builder, abilities, Strategy::THIS_BUILD, own_ip));
        let json = line.encode().ok_or(LossReason::TooLarge)?;
        self.sinks.write(&EncodedLine::new(&line, &json))
    }

    fn write(&mut self, max: usize) -> Result<u64, LossReason> {
        let (mut report, prepared) = self.builder.report(&self.record, &mut |_| Naming::Allowed);
        for error in &mut report.soft_errors {
            if error.code == "symbols_off" {
                let detail = "a forked child writes its reports itself and reads no debug information";
                *error = SoftError::new("frames.function", FORKED_CHILD, detail);
            }
        }
        self.line.write(&mut report, &prepared, max).map_err(|_| LossReason::TooLarge)?;
        self.sinks.write(&self.line.encoded(&report.into()))?;
        Ok(self.panics)
    }
}
