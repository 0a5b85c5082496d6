//! Options of the agent: from the builder, then from `PANIC_AGENT_*` variables, which win.
//!
//! Runs on: the thread that installs the agent. Must not: be used on a panicking thread.

#[cfg(feature = "audit")]
mod audit_env;
mod env;
pub(crate) mod user_code;

use core::any::{Any, type_name};
use core::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "audit")]
pub(crate) use audit_env::{AuditEnv, AuditMode};
pub(crate) use env::apply_environment;

use crate::files::FileTrust;
use crate::record::{Report, SoftError};
use crate::sink::{Output, Rotation};

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

/// Default for [`Folding::every`].
const DEFAULT_FOLD_EVERY: Duration = Duration::from_secs(60);
/// Least time between two summaries.
pub(crate) const MIN_FOLD_EVERY: Duration = Duration::from_secs(1);

/// What to do when every slot is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Drop the newest report and count it, by reason and by place. The default.
    Count,
    /// Let the panicking thread wait for a free slot, at most this long; then drop and count.
    Block(Duration),
}

/// What to do with panics that repeat an earlier one, by their fingerprint. Off by default.
///
/// The first panics of a fingerprint get `panic` lines; those after them are counted, and a `repeats` line
/// says once in an interval how many there were and when the last one was. A fingerprint that was quiet for an
/// interval starts anew. A panic that ends the process always gets its line.
///
/// # Examples
/// ```
/// use panic_agent::Folding;
/// use std::time::Duration;
///
/// let folding = Folding::after(5).every(Duration::from_secs(10));
/// assert_ne!(folding, Folding::after(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folding {
    /// Reports of a fingerprint that are written whole.
    pub(crate) whole: u64,
    /// Between two summaries.
    pub(crate) every: Duration,
}

impl Folding {
    /// Writes this many panics of a fingerprint whole, at least 1, and counts the rest in summaries, once a minute.
    pub const fn after(whole: u64) -> Self {
        Self { whole, every: DEFAULT_FOLD_EVERY }
    }

    /// Time between two summaries of a fingerprint, at least one second.
    pub const fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }
}

/// What people see on the console when a panic happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Console {
    /// Call the hook that was set before the agent, usually std's. The default.
    Previous,
    /// Do not call it; the writer thread prints a readable report to stderr instead.
    Pretty,
    /// Do not call it and print nothing.
    Off,
}

/// Whether frames get names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Symbols {
    /// On the writer thread, as soon as a report arrives. The default.
    On,
    /// Addresses and build-ids only.
    Off,
}

/// Whether reports that are under way outlive the process, and where.
///
/// See `docs/reliability.md` for what that promises.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spool {
    /// In a file beside the log. Lines that go to no file have no spool. The default.
    BesideLog,
    /// In a file in this directory, which must exist; a file system in memory, such as `/run`, is fine.
    Directory(PathBuf),
    /// In the memory of the process alone, with which they are lost.
    Off,
}

/// Whether the life of a panic is observed after its hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probes {
    /// Wherever it can be: see `docs/verdicts.md`. The default with the feature `probes`.
    On,
    /// Predictions only; nothing in the program is redirected.
    Off,
}

/// Whether the process is a test harness whose panics are attributed to its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Harness {
    /// It is not, or nobody asks. The default.
    None,
    /// `panic`, `verdict` and `finding` lines say which test of libtest they belong to, and `test` lines what the
    /// harness prints. New threads begin with their parent's labels, and `lineage` says where they were spawned.
    Audited,
}

/// Which text a redactor is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedactField<'a> {
    /// The panic message.
    Message,
    /// The value of the label with this key.
    Label(&'a str),
    /// The name of the thread.
    ThreadName,
    /// A source or image path.
    Path,
}

/// Returns the text to write instead, or `None` to leave it as it is. Runs on the writer thread.
pub(crate) type Redactor = Box<dyn Fn(RedactField<'_>, &str) -> Option<String> + Send>;
/// Whether to write the report. Runs on the writer thread.
pub(crate) type Filter = Box<dyn Fn(&Report) -> bool + Send>;
type Extract = Box<dyn Fn(&dyn Any, &mut dyn fmt::Write) -> Option<fmt::Result> + Send + Sync>;

/// Turns a `panic_any` payload of one type into a message. Runs on the panicking thread.
pub(crate) struct PayloadExtractor {
    /// Name of the payload's type.
    pub(crate) type_name: &'static str,
    extract: Extract,
}

impl PayloadExtractor {
    pub(crate) fn new<T, F>(write: F) -> Self
    where
        T: Any,
        F: Fn(&T, &mut dyn fmt::Write) -> fmt::Result + Send + Sync + 'static,
    {
        Self {
            type_name: type_name::<T>(),
            extract: Box::new(move |payload, out| {
                payload.downcast_ref::<T>().map(|payload| write(payload, out))
            }),
        }
    }

    /// `None` when the payload is of another type.
    pub(crate) fn extract(&self, payload: &dyn Any, out: &mut dyn fmt::Write) -> Option<fmt::Result> {
        (self.extract)(payload, out)
    }
}

/// Everything that can be configured, with its default.
pub(crate) struct Options {
    /// `false` under `PANIC_AGENT=off`: nothing is installed.
    pub(crate) enabled: bool,
    /// Destinations; `panics.jsonl` in the working directory when empty.
    pub(crate) outputs: Vec<Output>,
    /// Where files may lie.
    pub(crate) trust: FileTrust,
    /// When files are put aside.
    pub(crate) rotation: Rotation,
    pub(crate) service: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) slots: usize,
    pub(crate) overflow: Overflow,
    /// `None`: every panic gets its line.
    pub(crate) folding: Option<Folding>,
    pub(crate) flush_deadline: Duration,
    pub(crate) max_report_bytes: usize,
    pub(crate) max_frames: usize,
    pub(crate) symbols: Symbols,
    /// Where debug files are looked for, absolute, besides the places where they are always looked for.
    pub(crate) debug_directories: Vec<PathBuf>,
    pub(crate) console: Console,
    pub(crate) probes: Probes,
    pub(crate) spool: Spool,
    pub(crate) settle: Duration,
    pub(crate) inherit_labels: bool,
    pub(crate) spawn_places: bool,
    pub(crate) harness: Harness,
    pub(crate) redactor: Option<Redactor>,
    pub(crate) before_write: Option<Filter>,
    pub(crate) payloads: Vec<PayloadExtractor>,
    /// What is known to be missing in this process.
    pub(crate) lacks: Vec<SoftError>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            outputs: Vec::new(),
            trust: FileTrust::Strict,
            rotation: Rotation::never(),
            service: None,
            version: None,
            environment: None,
            labels: Vec::new(),
            slots: DEFAULT_SLOTS,
            overflow: Overflow::Count,
            folding: None,
            flush_deadline: DEFAULT_FLUSH_DEADLINE,
            max_report_bytes: DEFAULT_MAX_REPORT_BYTES,
            max_frames: DEFAULT_MAX_FRAMES,
            symbols: Symbols::On,
            debug_directories: Vec::new(),
            console: Console::Previous,
            probes: Probes::On,
            spool: Spool::BesideLog,
            settle: DEFAULT_SETTLE,
            inherit_labels: false,
            spawn_places: false,
            harness: Harness::None,
            redactor: None,
            before_write: None,
            payloads: Vec::new(),
            lacks: Vec::new(),
        }
    }
}
