//! What is measured: one hook each.

use std::backtrace::Backtrace;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use panic_agent::act::{Action, Event};
use panic_agent::sink::{EncodedLine, Rotation, Stacks};
use panic_agent::{Agent, AgentBuilder, Folding, Line, Overflow, Probes, Sink, Symbols};

/// A hook to measure. The first is the baseline of every ratio.
pub const SUBJECTS: [&str; 11] = [
    "empty hook",
    "panic-agent",
    "panic-agent, no probes",
    "panic-agent, 8 labels",
    "panic-agent, file",
    "force_capture, unresolved",
    "force_capture, formatted",
    "sentry",
    "log-panics, backtrace",
    "color-eyre",
    "tracing-panic, backtrace",
];

/// Ways to go through a storm, besides the defaults.
pub const STORMS: [&str; 4] =
    ["panic-agent", "panic-agent, waiting", "panic-agent, folding", "panic-agent, rotated file"];

/// Kept alive while the measurement runs.
pub type Keep = Vec<Box<dyn std::any::Any>>;

/// Installs the hook named `name`.
pub fn install(name: &str) -> Result<Keep, String> {
    let mut keep: Keep = Vec::new();
    match name {
        "empty hook" => std::panic::set_hook(Box::new(|_| {})),
        "panic-agent" => keep.push(Box::new(install_agent()?)),
        "panic-agent, 8 labels" => {
            LABELS_IN_FORCE.store(LABELS.len(), Ordering::Relaxed);
            keep.push(Box::new(install_agent()?));
            for key in LABELS {
                keep.push(Box::new(panic_agent::label(key, "a value of ordinary length")));
            }
        }
        "panic-agent, reacting" => {
            keep.push(Box::new(install_agent_with(|agent| {
                // None of these is called for by a caught panic; one that did would end the process.
                [Event::Silent, Event::Uncaught, Event::TaskDied]
                    .into_iter()
                    .fold(agent.sink(NullSink), |agent, event| agent.on(event, Action::Abort))
            })?));
        }
        "panic-agent, no probes" => {
            keep.push(Box::new(install_agent_with(|agent| agent.sink(NullSink).probes(Probes::Off))?));
        }
        "panic-agent, waiting" => keep.push(Box::new(install_agent_with(|agent| {
            agent.sink(NullSink).overflow(Overflow::Block(Duration::from_secs(60)))
        })?)),
        "panic-agent, folding" => {
            keep.push(Box::new(install_agent_with(|agent| agent.sink(NullSink).fold(Folding::after(10)))?));
        }
        "panic-agent, eager" => {
            keep.push(Box::new(install_agent_with(|agent| agent.sink(NullSink).symbols(Symbols::Eager))?));
        }
        "panic-agent, file" => {
            let directory = TempDirectory::new()?;
            keep.push(Box::new(install_agent_with_file(&directory.0.join("panics.jsonl"))?));
            keep.push(Box::new(directory));
        }
        "panic-agent, stacks once" => {
            let directory = TempDirectory::new()?;
            let path = directory.0.join("panics.jsonl");
            keep.push(Box::new(install_agent_with(|agent| agent.file(path).stacks(Stacks::Once))?));
            keep.push(Box::new(directory));
        }
        "panic-agent, rotated file" => {
            let directory = TempDirectory::new()?;
            let path = directory.0.join("panics.jsonl");
            keep.push(Box::new(install_agent_with(|agent| {
                agent.file(path).rotation(Rotation::never().at_bytes(64 << 20).keep(2))
            })?));
            keep.push(Box::new(directory));
        }
        "force_capture, unresolved" => {
            std::panic::set_hook(Box::new(|_| drop(black_box(Backtrace::force_capture()))));
        }
        "force_capture, formatted" => {
            std::panic::set_hook(Box::new(|_| drop(black_box(Backtrace::force_capture().to_string()))));
        }
        "sentry" => keep.push(Box::new(install_sentry())),
        "log-panics, backtrace" => {
            log::set_logger(&FORMATTING_LOGGER).map_err(|error| error.to_string())?;
            log::set_max_level(log::LevelFilter::Error);
            log_panics::Config::new()
                .backtrace_mode(log_panics::BacktraceMode::Resolved)
                .install_panic_hook();
        }
        "color-eyre" => color_eyre::install().map_err(|error| error.to_string())?,
        "tracing-panic, backtrace" => {
            tracing_subscriber::fmt().with_writer(std::io::sink).init();
            #[allow(deprecated, reason = "the hook's argument type is the peer's choice")]
            std::panic::set_hook(Box::new(tracing_panic::panic_hook));
        }
        other => return Err(format!("no subject `{other}`; known: {}", SUBJECTS.join("; "))),
    }
    Ok(keep)
}

const LABELS: [&str; 8] = ["request", "tenant", "route", "task", "attempt", "shard", "user", "trace_id"];

/// Reports that the null sink was given.
static REPORTS: AtomicU64 = AtomicU64::new(0);
/// Those of them that lack a frame, the prediction or a label.
static INCOMPLETE: AtomicU64 = AtomicU64::new(0);
/// Physical frames and bytes of the last one.
static LAST: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
/// Labels that every report must have.
static LABELS_IN_FORCE: AtomicUsize = AtomicUsize::new(0);

/// Takes every line and keeps none; looks whether the reports are whole, so that no figure can come from
/// reports that were cheap because something is missing.
pub struct NullSink;

impl Sink for NullSink {
    fn write(&mut self, line: &EncodedLine<'_>) -> std::io::Result<()> {
        let Line::Panic(report) = line.line else { return Ok(()) };
        let stack = &report.stack;
        let whole = stack.source == "tables"
            && stack.end == "bottom"
            && stack.not_recorded == 0
            && stack.cut_for_size == 0
            && report.frames.iter().all(|frame| frame.function.is_some())
            && report.prediction.handler.as_ref().is_some_and(|handler| handler.function.is_some())
            && report.message.is_some()
            && report.labels.len() == LABELS_IN_FORCE.load(Ordering::Relaxed);
        REPORTS.fetch_add(1, Ordering::Relaxed);
        INCOMPLETE.fetch_add(u64::from(!whole), Ordering::Relaxed);
        LAST[0].store(u64::from(stack.physical), Ordering::Relaxed);
        LAST[1].store(line.json.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Forgets the reports so far; how many of them were incomplete.
pub fn forget_reports() -> u64 {
    REPORTS.store(0, Ordering::Relaxed);
    INCOMPLETE.swap(0, Ordering::Relaxed)
}

/// Physical frames and bytes of the last report.
///
/// # Errors
/// When a report was incomplete.
pub fn checked_reports() -> Result<[u64; 2], String> {
    match INCOMPLETE.load(Ordering::Relaxed) {
        0 => Ok([LAST[0].load(Ordering::Relaxed), LAST[1].load(Ordering::Relaxed)]),
        some => Err(format!("{some} of {} reports are incomplete", REPORTS.load(Ordering::Relaxed))),
    }
}

/// The agent over an empty hook, so that both do the same besides.
pub fn install_agent() -> Result<panic_agent::AgentGuard, String> {
    std::panic::set_hook(Box::new(|_| {}));
    Agent::builder().sink(NullSink).install().map_err(|error| error.to_string())
}

/// The agent over an empty hook, with options of one subject.
fn install_agent_with(
    options: impl FnOnce(AgentBuilder) -> AgentBuilder,
) -> Result<panic_agent::AgentGuard, String> {
    std::panic::set_hook(Box::new(|_| {}));
    options(Agent::builder()).install().map_err(|error| error.to_string())
}

/// Gone with everything in it when the measurement ends.
struct TempDirectory(PathBuf);

/// Bytes of the file that a subject with a file has written; 0 without one.
pub fn written() -> u64 {
    std::fs::metadata(TempDirectory::path().join("panics.jsonl")).map_or(0, |file| file.len())
}

impl TempDirectory {
    fn path() -> PathBuf {
        std::env::temp_dir().join(format!("panic-bench-{}", std::process::id()))
    }

    fn new() -> Result<Self, String> {
        let path = Self::path();
        std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for TempDirectory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The same with a file, as `init` does it.
pub fn install_agent_with_file(path: &Path) -> Result<panic_agent::AgentGuard, String> {
    std::panic::set_hook(Box::new(|_| {}));
    Agent::builder().file(path).install().map_err(|error| error.to_string())
}

/// Formats the record, as every real logger does, and drops the text.
struct FormattingLogger;

static FORMATTING_LOGGER: FormattingLogger = FormattingLogger;

impl log::Log for FormattingLogger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        drop(black_box(record.args().to_string()));
    }
    fn flush(&self) {}
}

struct NullTransport;

impl sentry::Transport for NullTransport {
    fn send_envelope(&self, envelope: sentry::Envelope) {
        drop(black_box(envelope));
    }
}

fn install_sentry() -> sentry::ClientInitGuard {
    std::panic::set_hook(Box::new(|_| {}));
    let transport: Arc<dyn sentry::Transport> = Arc::new(NullTransport);
    sentry::init(
        sentry::ClientOptions::new()
            .dsn("https://public@localhost/1")
            .transport(move |_: &sentry::ClientOptions| transport.clone()),
    )
}
