//! Lines for a process that died: its records, what became of its panics, and that it died.
//!
//! Runs on: a recovery's thread. Must not: run on the writer thread, which would wait for foreign debug information;
//! say more of a panic's end than the spool shows.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::past::Past;
use super::reader::Recovered;
use super::{Contents, LandingNote, LogTail};
use crate::config::{Filter, Redactor, Symbols, user_code};
use crate::record::finding::Finding;
use crate::record::{
    AbortReason, Basis, EncodedLine, Fate, Line, LossReason, Losses, RawFlag, RawRecord, Receipt, Report,
    SoftError, StopKind,
};
use crate::report::build::Builder;
use crate::report::prepared::Stacks;
use crate::report::process_lines::{Lost, finding_line, losses_line, verdict_line};
use crate::report::report_json::LineBuffer;
use crate::report::service::Service;
use crate::spool::Facts;
use crate::symbolize::{Naming, Off, Resolve};
use crate::verdict::verdict_text::About;
use crate::verdict::{Change, Final, HANDLER_UNKNOWN, Strategy};

/// What a recovered text is replaced with when its redactor died with its process.
const NO_REDACTOR: &str = "[no redactor after the death of the process]";
/// Line length for a spool that does not tell.
const MAX_REPORT_BYTES: usize = 30 * 1024;
/// Why a verdict knows no more.
const PROCESS_DIED: &str = "process_died";

/// What the recovering process does with texts and names.
#[derive(Default)]
pub(crate) struct Treatment {
    pub(crate) redactor: Option<Redactor>,
    pub(crate) keep: Option<Filter>,
    /// `None` stands for names where they are to be had.
    pub(crate) symbols: Option<Symbols>,
    /// Where debug files are looked for besides.
    pub(crate) debug_directories: Vec<PathBuf>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// `panic` lines.
    pub(crate) panics: u64,
    /// Records whose line was there already.
    pub(crate) known: u64,
}

/// What is given out.
pub(crate) enum Given<'a> {
    /// A line.
    Line(&'a EncodedLine<'a>),
    /// Everything that there is to say of the record in this slot was taken, or is not wanted.
    Written(u32),
}

/// Where it goes.
type Out<'o> = dyn FnMut(Given<'_>) -> io::Result<()> + 'o;

/// Writes what the log lacks of a dead process.
///
/// # Errors
/// When `out` refuses a line; then the spool must stay.
pub(crate) fn write(
    contents: &Contents,
    tail: &LogTail,
    treatment: Treatment,
    out: &mut Out<'_>,
) -> io::Result<Written> {
    let facts = contents.facts.clone().unwrap_or_default();
    let mut deceased = Deceased::new(contents, facts, treatment);
    let process =
        deceased.facts.process.take().filter(|_| !contents.process_line_written && !tail.process_line);
    if let Some(process) = process {
        put(out, Line::Process(process.into()))?;
    }
    let mut written = Written::default();
    for recovered in &contents.records {
        if recovered.record.has_flag(RawFlag::Hop) {
            continue;
        }
        if tail.panics.contains(&recovered.record.sequence) {
            written.known += 1;
        } else if deceased.write_record(recovered, out)? {
            written.panics += 1;
        }
        out(Given::Written(recovered.slot))?;
    }
    deceased.close(contents, tail, out)?;
    if contents.losses != Losses::default() {
        let lost = Lost { reports: contents.losses, probes: None };
        let mut line = losses_line(&mut deceased.builder, lost, Vec::new());
        line.head.pid = contents.owner.pid;
        put(out, line)?;
    }
    if !tail.death {
        let finding = Finding::process_died(contents.owner.pid, written.panics, contents.torn);
        let mut line = finding_line(&mut deceased.builder, finding);
        line.head.pid = contents.owner.pid;
        put(out, line)?;
    }
    Ok(written)
}

fn put(out: &mut Out<'_>, line: impl Into<Line>) -> io::Result<()> {
    let line = line.into();
    let json = line.encode().ok_or(io::ErrorKind::InvalidData)?;
    out(Given::Line(&EncodedLine::new(&line, &json)))
}

/// The making of a dead process's lines.
struct Deceased {
    builder: Builder,
    facts: Facts,
    line: LineBuffer,
    keep: Option<Filter>,
    max_report_bytes: usize,
    pid: u32,
    /// The last panic of each thread that was not raised while another one unwound.
    last: HashMap<u32, u64>,
    /// The panic of each thread with which core gave up, and why.
    dooms: HashMap<u32, (u64, AbortReason)>,
}

impl Deceased {
    fn new(contents: &Contents, facts: Facts, treatment: Treatment) -> Self {
        let resolver: Box<dyn Resolve> = match treatment.symbols {
            Some(Symbols::Off) => Box::new(Off),
            _ => resolver(treatment.debug_directories),
        };
        let process = facts.process.as_ref();
        let strategy = match process.map(|process| process.panic_strategy.as_str()) {
            Some("abort") => Strategy::Abort,
            Some(_) => Strategy::Unwind,
            None => Strategy::THIS_BUILD,
        };
        let service = Service::of(contents.instance, process.map(|process| &process.head));
        let redactor: Option<Redactor> = match treatment.redactor {
            None if facts.redacted || contents.redacted => {
                Some(Box::new(|_, _| Some(NO_REDACTOR.to_owned())))
            }
            redactor => redactor,
        };
        let (mut last, mut dooms) = (HashMap::new(), HashMap::new());
        for Recovered { record, .. } in &contents.records {
            let doom = match () {
                () if record.has_flag(RawFlag::CannotUnwind) => Some(AbortReason::NounwindBoundary),
                () if record.has_flag(RawFlag::InCleanup) => Some(AbortReason::DropDuringUnwind),
                () => None,
            };
            dooms.extend(doom.map(|doom| (record.tid, (record.sequence, doom))));
            if !record.has_flag(RawFlag::Nested) {
                last.insert(record.tid, record.sequence);
            }
        }
        Self {
            builder: Builder::new(
                service,
                Box::new(Past::new(&facts)),
                Stacks::new(resolver, strategy),
                redactor,
            ),
            max_report_bytes: if facts.process.is_some() { facts.max_report_bytes } else { MAX_REPORT_BYTES },
            facts,
            line: LineBuffer::new(),
            keep: treatment.keep,
            pid: contents.owner.pid,
            last,
            dooms,
        }
    }

    /// Writes the line of a record, and the last verdict on it; `false` when the filter does not want it.
    fn write_record(&mut self, recovered: &Recovered, out: &mut Out<'_>) -> io::Result<bool> {
        let record = &*recovered.record;
        let (mut report, prepared) = self.builder.report(record, &mut |_| Naming::Allowed);
        report.recovered = true;
        if report.head.pid == 0 {
            report.head.pid = self.pid;
        }
        let detail = "the process died before its writer took the record; another process wrote it";
        report.soft_errors.push(SoftError::new("soft_errors", PROCESS_DIED, detail));
        let wanted = |keep: &Filter| user_code::guarded(|| keep(&report)) != Some(false);
        if !self.keep.as_ref().is_none_or(wanted) {
            return Ok(false);
        }
        let about = About::of(&report);
        let change = Change {
            sequence: record.sequence,
            incident: record.sequence,
            relation: None,
            outcome: outcome(&report, self.landing(recovered), self.doom(record)),
        };
        let too_large = || io::Error::other(format!("{:?}", LossReason::TooLarge));
        self.line.write(&mut report, &prepared, self.max_report_bytes).map_err(|_| too_large())?;
        out(Given::Line(&self.line.encoded(&report.into())))?;
        let line = verdict_line(&mut self.builder, &change, about, None);
        put(out, line)?;
        Ok(true)
    }

    /// The last word on panics that have a line and were still unwinding.
    fn close(&mut self, contents: &Contents, tail: &LogTail, out: &mut Out<'_>) -> io::Result<()> {
        for sequence in &contents.unwinding {
            let said = tail.fates.get(sequence).copied();
            let Some(report) = tail.lines.get(sequence) else { continue };
            // What dooms it may have been seen.
            if matches!(said, Some(Fate::Aborted | Fate::Interrupted)) {
                continue;
            }
            let change = Change {
                sequence: *sequence,
                incident: report.incident.sequence(),
                relation: None,
                outcome: outcome(report, LandingNote::NotLanded, None),
            };
            let mut line = verdict_line(&mut self.builder, &change, About::of(report), None);
            line.relation.clone_from(&report.relation);
            put(out, line)?;
        }
        Ok(())
    }

    /// Why the panic could not have landed: core said so later on its thread.
    fn doom(&self, record: &RawRecord) -> Option<AbortReason> {
        self.dooms.get(&record.tid).filter(|(later, _)| *later > record.sequence).map(|(_, why)| *why)
    }

    /// Whether the panic landed. A thread that raised another one later, outside of any unwinding, had gone on.
    fn landing(&self, recovered: &Recovered) -> LandingNote {
        let RawRecord { tid, sequence, .. } = *recovered.record;
        match recovered.landing {
            LandingNote::Unknown if self.last.get(&tid).is_some_and(|last| *last > sequence) => {
                LandingNote::Landed
            }
            noted => noted,
        }
    }
}

/// The verdict on a panic whose process died, with what the spool shows of its end.
fn outcome(report: &Report, landing: LandingNote, doom: Option<AbortReason>) -> Final {
    let prediction = &report.prediction;
    let dead = |fate, receipt, abort_reason, reason| Final {
        fate,
        basis: Basis::Inferred,
        receipt,
        uncaught: match fate {
            // Something catches it all the same, where the tables say so.
            Fate::Unknown if landing == LandingNote::Landed => report.uncaught,
            Fate::Unknown => None,
            fate => Some(fate.is_uncaught()),
        },
        silent: (fate.is_uncaught() && fate != Fate::ThreadDied).then_some(false),
        swallowed: (receipt == Receipt::Discarded).then_some(false),
        abort_reason,
        reason,
        landing: None,
        received_at: None,
        hops: 0,
    };
    if let Some(doom) = doom.filter(|_| landing != LandingNote::Landed) {
        return dead(Fate::Aborted, Receipt::Discarded, Some(doom), None);
    }
    match (prediction.stop, landing) {
        (StopKind::Abort | StopKind::None, _) => {
            dead(Fate::Aborted, Receipt::Discarded, prediction.abort_reason, None)
        }
        (_, LandingNote::NotLanded) => dead(Fate::Interrupted, Receipt::Discarded, None, Some(PROCESS_DIED)),
        // Where no name tells whose catch it is, that is why, and not the death.
        (StopKind::Catch, LandingNote::Landed) => {
            let why = if report.fate == Fate::Unknown { HANDLER_UNKNOWN } else { PROCESS_DIED };
            dead(report.fate, Receipt::Unknown, None, Some(why))
        }
        _ => dead(Fate::Unknown, Receipt::Unknown, None, Some(PROCESS_DIED)),
    }
}

#[cfg(feature = "symbols")]
fn resolver(debug_directories: Vec<PathBuf>) -> Box<dyn Resolve> {
    Box::new(crate::symbolize::FileSymbols::of_the_dead(debug_directories, Vec::new()))
}

/// The twin without the feature.
#[cfg(not(feature = "symbols"))]
fn resolver(_: Vec<PathBuf>) -> Box<dyn Resolve> {
    Box::new(Off)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    #[test]
    fn a_panic_that_landed_at_a_catch_without_a_name_is_unknown_for_want_of_the_name() {
        let landed = |fate, stop| {
            let mut report = samples::report();
            report.fate = fate;
            report.prediction.stop = stop;
            let outcome = outcome(&report, LandingNote::Landed, None);
            (outcome.fate, outcome.reason)
        };
        let unknown = |reason| (Fate::Unknown, Some(reason));
        assert_eq!(landed(Fate::Unknown, StopKind::Catch), unknown(HANDLER_UNKNOWN));
        // The twins: the name is there, or nothing tells of a catch.
        assert_eq!(landed(Fate::Caught, StopKind::Catch), (Fate::Caught, Some(PROCESS_DIED)));
        assert_eq!(landed(Fate::Unknown, StopKind::Unknown), unknown(PROCESS_DIED));
    }
}
