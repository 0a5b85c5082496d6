//! The lines about the process itself, `process`, `finding`, `losses` and `end`, and the `verdict` line.
//!
//! Runs on: the writer thread. Must not: fail; what is missing becomes `null` and a soft error.

use super::Folded;
use super::build::Builder;
use crate::config::RedactField;
use crate::harness::{Said, Word};
use crate::record::finding::Finding;
use crate::record::lines::SCHEMA_VERSION;
use crate::record::{
    EndLine, FindingLine, Level, LineKind, LossSite, Losses, LossesLine, PanicId, ProbeLosses, ProcessLine,
    RepeatsLine, SoftError, TestEvent, TestLine, TestResult, VerdictLine,
};
use crate::sys::thread::{self, TELLS_DETACH_STATE};
use crate::verdict::verdict_text::About;
use crate::verdict::{Change, Strategy, level_of};

/// What this build can do and what it lacks, as the `process` line says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abilities {
    pub(crate) can: Vec<String>,
    pub(crate) soft_errors: Vec<SoftError>,
}

impl Abilities {
    /// What the platform and the options decide. Whoever wires the agent adds what else it can.
    pub(crate) fn of_this_build(symbols: bool) -> Self {
        let mut abilities = Self::default();
        if cfg!(panic_agent_tables) {
            abilities.can("tables");
        } else {
            abilities.cannot(
                "prediction",
                "unsupported_platform",
                "no unwind tables are read on this platform",
            );
        }
        if TELLS_DETACH_STATE {
            abilities.can("detach_state");
        }
        if symbols {
            abilities.can("symbols");
        } else {
            abilities.cannot("frames.function", "symbols_off", "symbols are off by configuration");
        }
        abilities
    }

    /// Adds everything that another one says.
    pub(crate) fn add(&mut self, other: Self) {
        self.can.extend(other.can);
        self.soft_errors.extend(other.soft_errors);
    }

    /// Adds an ability.
    pub(crate) fn can(&mut self, ability: &str) {
        self.can.push(ability.to_owned());
    }

    /// Adds something that every report of this process lacks.
    pub(crate) fn cannot(&mut self, field: &str, code: &str, detail: &str) {
        self.soft_errors.push(SoftError::new(field, code, detail));
    }
}

/// The `process` line; `own_ip` is an address in the executable.
pub(crate) fn process_line(
    builder: &mut Builder,
    abilities: Abilities,
    strategy: Strategy,
    own_ip: u64,
) -> ProcessLine {
    let stamp = builder.clock.now();
    let Abilities { can, mut soft_errors } = abilities;
    let mut lack =
        |field: &str, code: &str, detail: &str| soft_errors.push(SoftError::new(field, code, detail));
    let exe = std::env::current_exe().ok().map(|path| builder.redact.path(&path.to_string_lossy()));
    if exe.is_none() {
        lack("exe", "no_exe", "the path of the executable cannot be read");
    }
    if builder.service.host.is_none() {
        lack("host", "no_host", "the host name cannot be read");
    }
    let mut image = builder.surroundings.image_of(own_ip, None).map(|at| (*at.image).clone());
    match &mut image {
        Some(image) => builder.redact.images(core::slice::from_mut(image)),
        None => lack("image", "no_image", "the loaded images cannot be listed"),
    }
    let labels = builder.surroundings.process_labels(None).unwrap_or_default();
    let labels = labels
        .iter()
        .map(|(key, value)| (key.clone(), builder.redact.text(RedactField::Label(key), value).into_owned()))
        .collect();
    if builder.redact.take_failed() {
        lack("labels", "redactor_failed", "the redactor panicked; the texts it was shown are left out");
    }
    let agent_version = env!("CARGO_PKG_VERSION").to_owned();
    ProcessLine {
        schema: SCHEMA_VERSION,
        kind: LineKind::Process,
        id: builder.service.instance_text(),
        ts: stamp.ts,
        ts_ms: stamp.ts_ms,
        pid: thread::pid(),
        level: Level::Info,
        service: builder.service.service.clone(),
        version: builder.service.version.clone(),
        environment: builder.service.environment.clone(),
        host: builder.service.host.clone(),
        message: format!("panic-agent {agent_version} watches {}", exe.as_deref().unwrap_or("this process")),
        exe,
        image,
        agent_version,
        panic_strategy: strategy.as_str().to_owned(),
        labels,
        can,
        soft_errors,
    }
}

/// Totals of everything that was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) reports: Losses,
    /// `None` without probes.
    pub(crate) probes: Option<ProbeLosses>,
}

impl Lost {
    /// Whether a line should say so. Counts never shrink.
    pub(crate) fn grew_since(self, before: Self) -> bool {
        let probes = self.probes.unwrap_or_default().grew_since(before.probes.unwrap_or_default());
        // What was folded has lines of its own.
        probes || self.reports != Losses { folded: self.reports.folded, ..before.reports }
    }
}

/// The `losses` line.
pub(crate) fn losses_line(
    builder: &mut Builder,
    Lost { reports: losses, probes }: Lost,
    sites: Vec<LossSite>,
) -> LossesLine {
    let stamp = builder.clock.now();
    LossesLine {
        schema: SCHEMA_VERSION,
        kind: LineKind::Losses,
        id: builder.service.instance_text(),
        ts: stamp.ts,
        ts_ms: stamp.ts_ms,
        pid: thread::pid(),
        level: if losses == Losses::default() { Level::Warn } else { Level::Error },
        service: builder.service.service.clone(),
        version: builder.service.version.clone(),
        environment: builder.service.environment.clone(),
        host: builder.service.host.clone(),
        message: match probes.map_or(0, |probes| probes.events_lost) {
            0 => format!("{} panics of this process have no line", losses.total()),
            events => format!(
                "{} panics of this process have no line, {events} events of the probes were lost",
                losses.total()
            ),
        },
        losses,
        probes,
        sites,
    }
}

/// The line of panics that were folded.
pub(crate) fn repeats_line(builder: &mut Builder, folded: Folded) -> RepeatsLine {
    let stamp = builder.clock.now();
    let service = &builder.service;
    RepeatsLine {
        schema: SCHEMA_VERSION,
        kind: LineKind::Repeats,
        id: service.instance_text(),
        ts: stamp.ts,
        ts_ms: stamp.ts_ms,
        pid: thread::pid(),
        level: folded.level,
        service: service.service.clone(),
        version: service.version.clone(),
        environment: service.environment.clone(),
        host: service.host.clone(),
        message: folded.message,
        fingerprint: folded.fingerprint,
        count: folded.count,
        total: folded.total,
        first: folded.first,
        last: folded.last,
        last_ts: folded.last_ts,
        last_ts_ms: folded.last_ts_ms,
        thread: folded.thread,
        location: folded.location,
        fates: folded.fates,
    }
}

/// The `end` line; `panics` of the process have their line before it or are counted as lost.
pub(crate) fn end_line(
    builder: &mut Builder,
    panics: u64,
    written: u64,
    Lost { reports: losses, probes }: Lost,
) -> EndLine {
    let stamp = builder.clock.now();
    EndLine {
        schema: SCHEMA_VERSION,
        kind: LineKind::End,
        id: builder.service.instance_text(),
        ts: stamp.ts,
        ts_ms: stamp.ts_ms,
        pid: thread::pid(),
        level: Level::Info,
        service: builder.service.service.clone(),
        version: builder.service.version.clone(),
        environment: builder.service.environment.clone(),
        host: builder.service.host.clone(),
        message: format!("{panics} panics, {written} written, {} lost", losses.total()),
        panics,
        written,
        losses,
        probes,
    }
}

/// The line of what the harness said.
pub(crate) fn test_line(builder: &mut Builder, said: Said) -> TestLine {
    let stamp = builder.clock.now();
    let service = &builder.service;
    let (event, name, planned, result, should_panic) = match said.what {
        Word::Planned(number) => (TestEvent::Planned, None, Some(number), None, false),
        Word::Finished { name, result, should_panic } => {
            (TestEvent::Finished, Some(name), None, Some(result), should_panic)
        }
    };
    let message = match (&name, result) {
        (Some(name), Some(result)) => format!("test {name} ... {}", word_of(result)),
        _ => format!("running {} tests", planned.unwrap_or_default()),
    };
    TestLine {
        schema: SCHEMA_VERSION,
        kind: LineKind::Test,
        id: service.instance_text(),
        ts: stamp.ts,
        ts_ms: stamp.ts_ms,
        pid: thread::pid(),
        level: Level::Info,
        service: service.service.clone(),
        version: service.version.clone(),
        environment: service.environment.clone(),
        host: service.host.clone(),
        message,
        event,
        name,
        planned,
        result,
        should_panic,
        mono_ns: said.mono_ns,
    }
}

fn word_of(result: TestResult) -> &'static str {
    match result {
        TestResult::Ok => "ok",
        TestResult::Failed => "failed",
        TestResult::Ignored => "ignored",
    }
}

/// The line of a finding.
pub(crate) fn finding_line(builder: &mut Builder, finding: Finding) -> FindingLine {
    let stamp = builder.clock.now();
    let service = &builder.service;
    let Finding { level, code, message, panic, places, test } = finding;
    let places = places.into_iter().map(|place| builder.redact.place(place)).collect();
    FindingLine {
        schema: SCHEMA_VERSION,
        kind: LineKind::Finding,
        id: service.instance_text(),
        ts: stamp.ts,
        ts_ms: stamp.ts_ms,
        pid: thread::pid(),
        level,
        service: service.service.clone(),
        version: service.version.clone(),
        environment: service.environment.clone(),
        host: service.host.clone(),
        code: code.to_owned(),
        message,
        panic: panic.map(|sequence| PanicId::new(service.instance, sequence)),
        places,
        test,
    }
}

/// The line of a verdict.
pub(crate) fn verdict_line(builder: &mut Builder, change: &Change, about: About) -> VerdictLine {
    let stamp = builder.clock.now();
    let service = &builder.service;
    let outcome = &change.outcome;
    let reason = about.reason(change);
    let About { fingerprint, message, thread, pid, test, .. } = about;
    VerdictLine {
        schema: SCHEMA_VERSION,
        kind: LineKind::Verdict,
        id: PanicId::new(service.instance, change.sequence),
        ts: stamp.ts,
        ts_ms: stamp.ts_ms,
        pid,
        level: level_of(outcome.fate),
        service: service.service.clone(),
        version: service.version.clone(),
        environment: service.environment.clone(),
        host: service.host.clone(),
        fingerprint,
        message,
        thread,
        fate: outcome.fate,
        receipt: outcome.receipt,
        basis: outcome.basis,
        uncaught: outcome.uncaught,
        silent: outcome.silent,
        swallowed: outcome.swallowed,
        reason,
        incident: PanicId::new(service.instance, change.incident),
        relation: change.relation.map(|relation| relation.code().to_owned()),
        landing: outcome.landing.as_deref().cloned(),
        received_at: outcome.received_at.clone(),
        hops: outcome.hops,
        test,
    }
}
