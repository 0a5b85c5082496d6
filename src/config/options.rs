//! Every option: its field, its default, its variable, and what that accepts. `docs/configuration.md` has the same
//! table; a test compares them.
//!
//! Runs on: the thread that installs the agent. Must not: be used on a panicking thread.

use std::path::PathBuf;
use std::time::Duration;

use super::variable::{
    EnvWarning, SWITCH, Variable, apply, either, non_empty, options, refused, set, switch, word,
};
use super::{
    Console, Filter, Folding, Harness, InheritLabels, MIN_FOLD_EVERY, Overflow, PayloadExtractor, Probes,
    Redactor, SpawnPlaces, Spool, Symbols,
};
use crate::act::{Event, Reaction, Supervisor, TerminationLog, reaction_of};
use crate::files::FileTrust;
use crate::record::SoftError;
use crate::sink::{MIN_ROTATION_AGE, MIN_ROTATION_BYTES, Output, Rotation, Stacks};

/// Default for [`Options::slots`]: 256 slots of 6 KiB are 1.5 MiB of address space, touched as needed.
const DEFAULT_SLOTS: usize = 256;
/// Most slots that can be asked for: 384 MiB of address space.
pub(crate) const MAX_SLOTS: usize = 65_536;
/// Default for [`Options::max_report_bytes`]: common log shippers break above 32 KiB.
const DEFAULT_MAX_REPORT_BYTES: usize = 30 * 1024;
/// Least size of a report that still holds its scalars.
pub(crate) const MIN_MAX_REPORT_BYTES: usize = 4 * 1024;
/// Default for [`Options::flush_deadline`].
const DEFAULT_FLUSH_DEADLINE: Duration = Duration::from_secs(2);
/// Default for [`Options::settle`]. The payload of a caught panic is usually dropped within microseconds of the
/// catch.
const DEFAULT_SETTLE: Duration = Duration::from_millis(20);
/// The longest that a verdict may be told to wait.
pub(crate) const MAX_SETTLE: Duration = Duration::from_secs(60);
/// Default for [`Options::max_frames`].
const DEFAULT_MAX_FRAMES: usize = 128;

/// What a variable for an event accepts.
const REACTION: &str = "`report`, `warn`, `abort` or `exit:STATUS`; with `@TIMES/SECONDS` behind it only when it occurs so often";

options! {
    /// Everything that can be configured, with its default.
    Options;

    /// `false` under `PANIC_AGENT=off`: nothing is installed.
    enabled: bool = true;
    "PANIC_AGENT": SWITCH => |options, value| set(&mut options.enabled, switch(value.text));

    /// Destinations; `panics.jsonl` in the working directory when empty.
    outputs: Vec<Output> = Vec::new();
    "PANIC_AGENT_FILE": "a path, `stdout` or `stderr`" => |options, value| {
        let output = match value.path.to_str() {
            Some("") => return None,
            Some("stdout") => Output::Stdout,
            Some("stderr") => Output::Stderr,
            _ => Output::File(PathBuf::from(value.path)),
        };
        options.outputs.retain(|output| matches!(output, Output::Sink(_)));
        options.outputs.insert(0, output);
        Some(())
    };

    /// Where files may lie.
    trust: FileTrust = FileTrust::Strict;
    "PANIC_AGENT_FILE_TRUST": "`strict` or `any`" => |options, value| {
        set(&mut options.trust, word(value.text, &[("strict", FileTrust::Strict), ("any", FileTrust::Any)]))
    };

    /// When files are put aside.
    rotation: Rotation = Rotation::never();
    "PANIC_AGENT_ROTATE_BYTES": "`off`, or a number of bytes, at least 4096" => |options, value| {
        let bytes = or_off(value.text, |bytes| Some(bytes).filter(|bytes| *bytes >= MIN_ROTATION_BYTES));
        set(&mut options.rotation.max_bytes, bytes)
    };
    "PANIC_AGENT_ROTATE_SECONDS": "`off`, or a number of seconds, at least 1" => |options, value| {
        let age = |age| Some(Duration::from_secs(age)).filter(|age| *age >= MIN_ROTATION_AGE);
        set(&mut options.rotation.max_age, or_off(value.text, age))
    };
    "PANIC_AGENT_ROTATE_KEEP": "a number of archives, at least 1" => |options, value| {
        set(&mut options.rotation.keep, value.text.parse().ok().filter(|keep| *keep >= 1))
    };

    /// How often a file gets a stack.
    stacks: Stacks = Stacks::Each;
    "PANIC_AGENT_STACKS": "`each` or `once`" => |options, value| {
        set(&mut options.stacks, word(value.text, &[("each", Stacks::Each), ("once", Stacks::Once)]))
    };

    service: Option<String> = None;
    "PANIC_AGENT_SERVICE": "a service name" => |options, value| {
        set(&mut options.service, non_empty(value.text).map(|name| Some(name.to_owned())))
    };

    version: Option<String> = None;

    environment: Option<String> = None;

    labels: Vec<(String, String)> = Vec::new();
    "PANIC_AGENT_LABELS": "`key=value` pairs separated by commas" => |options, value| {
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=')?;
            Some((non_empty(key.trim())?.to_owned(), value.trim().to_owned()))
        };
        options.labels.extend(value.text.split(',').map(pair).collect::<Option<Vec<_>>>()?);
        Some(())
    };

    slots: usize = DEFAULT_SLOTS;
    "PANIC_AGENT_SLOTS": "a number of slots from 1 to 65536" => |options, value| {
        set(&mut options.slots, value.text.parse().ok().filter(|slots| (1..=MAX_SLOTS).contains(slots)))
    };

    overflow: Overflow = Overflow::Count;
    "PANIC_AGENT_OVERFLOW": "`count`, or `block:MS` with a number of milliseconds" => |options, value| {
        options.overflow = match value.text.split_once(':') {
            None if value.text == "count" => Overflow::Count,
            Some(("block", ms)) => Overflow::Block(Duration::from_millis(ms.parse().ok()?)),
            _ => return None,
        };
        Some(())
    };

    /// `None`: every panic gets its line.
    folding: Option<Folding> = None;
    "PANIC_AGENT_FOLD": "`off`, or `N` or `N/SECONDS`: panics of a fingerprint that are written whole, at least 1, and \
                         seconds between two summaries of the others, at least 1" => |options, value| {
        let folding = match value.text {
            "off" | "0" => Some(None),
            text => folding(text).map(Some),
        };
        set(&mut options.folding, folding)
    };

    flush_deadline: Duration = DEFAULT_FLUSH_DEADLINE;
    "PANIC_AGENT_FLUSH_MS": "a number of milliseconds" => |options, value| {
        set(&mut options.flush_deadline, value.text.parse().ok().map(Duration::from_millis))
    };

    max_report_bytes: usize = DEFAULT_MAX_REPORT_BYTES;
    "PANIC_AGENT_MAX_REPORT_BYTES": "a number of bytes, at least 4096" => |options, value| {
        let bytes = value.text.parse().ok().filter(|bytes| *bytes >= MIN_MAX_REPORT_BYTES);
        set(&mut options.max_report_bytes, bytes)
    };

    max_frames: usize = DEFAULT_MAX_FRAMES;

    symbols: Symbols = Symbols::On;
    "PANIC_AGENT_SYMBOLS": "`on`, `eager` or `off`" => |options, value| {
        let eager = word(value.text, &[("eager", Symbols::Eager)]);
        set(&mut options.symbols, eager.or_else(|| either(value.text, Symbols::On, Symbols::Off)))
    };

    /// Where debug files are looked for, absolute, besides the places where they are always looked for.
    debug_directories: Vec<PathBuf> = Vec::new();
    "PANIC_AGENT_DEBUG_DIR": "absolute paths of directories, separated as in `PATH`" => |options, value| {
        let paths: Vec<PathBuf> = std::env::split_paths(value.path).collect();
        set(&mut options.debug_directories, paths.iter().all(|path| path.is_absolute()).then_some(paths))
    };

    console: Console = Console::Previous;
    "PANIC_AGENT_CONSOLE": "`previous`, `pretty` or `off`" => |options, value| {
        let words = [("previous", Console::Previous), ("pretty", Console::Pretty), ("off", Console::Off)];
        set(&mut options.console, word(value.text, &words))
    };

    probes: Probes = Probes::On;
    "PANIC_AGENT_PROBES": SWITCH => |options, value| {
        set(&mut options.probes, either(value.text, Probes::On, Probes::Off))
    };

    spool: Spool = Spool::BesideLog;
    "PANIC_AGENT_SPOOL": "`on`, `off` or an existing directory" => |options, value| {
        options.spool = match value.path.to_str().and_then(switch) {
            Some(true) => Spool::BesideLog,
            Some(false) => Spool::Off,
            None if value.path.is_empty() => return None,
            None => Spool::Directory(PathBuf::from(value.path)),
        };
        Some(())
    };

    settle: Duration = DEFAULT_SETTLE;
    "PANIC_AGENT_SETTLE_MS": "a number of milliseconds from 0 to 60000" => |options, value| {
        let settle = value.text.parse().ok().map(Duration::from_millis);
        set(&mut options.settle, settle.filter(|settle| *settle <= MAX_SETTLE))
    };

    inherit_labels: InheritLabels = InheritLabels::Off;
    "PANIC_AGENT_INHERIT_LABELS": SWITCH => |options, value| {
        set(&mut options.inherit_labels, either(value.text, InheritLabels::FromSpawner, InheritLabels::Off))
    };

    spawn_places: SpawnPlaces = SpawnPlaces::Off;
    "PANIC_AGENT_SPAWN_PLACES": SWITCH => |options, value| {
        set(&mut options.spawn_places, either(value.text, SpawnPlaces::On, SpawnPlaces::Off))
    };

    harness: Harness = Harness::None;

    redactor: Option<Redactor> = None;

    before_write: Option<Filter> = None;

    payloads: Vec<PayloadExtractor> = Vec::new();

    termination_log: TerminationLog = TerminationLog::Kubernetes;
    "PANIC_AGENT_TERMINATION_LOG": "`off` or the path of an existing file" => |options, value| {
        options.termination_log = match value.path.to_str() {
            Some("") => return None,
            Some("off") => TerminationLog::Off,
            _ => TerminationLog::File(PathBuf::from(value.path)),
        };
        Some(())
    };

    supervisor: Supervisor = Supervisor::None;
    "PANIC_AGENT_SUPERVISOR": "`systemd` or `off`" => |options, value| {
        let words = [("systemd", Supervisor::Systemd), ("off", Supervisor::None)];
        set(&mut options.supervisor, word(value.text, &words))
    };

    /// What to do about verdicts.
    reactions: Vec<Reaction> = Vec::new();
    "PANIC_AGENT_ON_SILENT": REACTION => |options, value| react(options, Event::Silent, value.text);
    "PANIC_AGENT_ON_UNCAUGHT": REACTION => |options, value| react(options, Event::Uncaught, value.text);
    "PANIC_AGENT_ON_TASK_DIED": REACTION => |options, value| react(options, Event::TaskDied, value.text);
    "PANIC_AGENT_ON_SWALLOWED": REACTION => |options, value| react(options, Event::Swallowed, value.text);
    "PANIC_AGENT_ON_ANY": REACTION => |options, value| react(options, Event::Any, value.text);

    /// What is known to be missing in this process.
    lacks: Vec<SoftError> = Vec::new();
}

/// Lets every variable that is set win over the options; returns what was not understood. In a program with more rights
/// than whoever started it none wins.
pub(crate) fn apply_environment(options: &mut Options) -> Vec<EnvWarning> {
    refused(VARIABLES).unwrap_or_else(|| apply(VARIABLES, options, |name| std::env::var_os(name)))
}

/// Whether the supervisor is to be told, and wants to be.
pub(crate) fn tells_supervisor(options: &Options) -> bool {
    match options.supervisor {
        Supervisor::None => false,
        Supervisor::Systemd => std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty()),
    }
}

/// The operator's reaction to an event takes the place of those in the code.
fn react(options: &mut Options, event: Event, text: &str) -> Option<()> {
    let reaction = reaction_of(event, text)?;
    options.reactions.retain(|other| other.event() != event);
    options.reactions.push(reaction);
    Some(())
}

/// `N` or `N/SECONDS`.
fn folding(value: &str) -> Option<Folding> {
    let (whole, every) = match value.split_once('/') {
        Some((whole, every)) => (whole, Some(Duration::from_secs(every.trim().parse().ok()?))),
        None => (value, None),
    };
    let folding = Folding::after(whole.trim().parse().ok().filter(|whole| *whole >= 1)?);
    match every {
        Some(every) if every < MIN_FOLD_EVERY => None,
        Some(every) => Some(folding.every(every)),
        None => Some(folding),
    }
}

/// `Some(None)` for `off`, `None` when it is not understood.
#[expect(clippy::option_option, reason = "whether it is understood, and whether it is on")]
fn or_off<T>(value: &str, read: impl FnOnce(u64) -> Option<T>) -> Option<Option<T>> {
    match value {
        "off" | "0" => Some(None),
        _ => read(value.parse().ok()?).map(Some),
    }
}

#[cfg(test)]
mod tests;
