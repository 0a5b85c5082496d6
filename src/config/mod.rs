//! Options of the agent: from the builder, then from `PANIC_AGENT_*` variables, which win.
//!
//! Runs on: the thread that installs the agent. Must not: be used on a panicking thread.

#[cfg(feature = "audit")]
mod audit_env;
mod options;
pub(crate) mod user_code;
mod variable;

use core::any::{Any, type_name};
use core::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "audit")]
pub(crate) use audit_env::{AuditEnv, AuditMode};
pub(crate) use options::{
    MAX_SETTLE, MAX_SLOTS, MIN_MAX_REPORT_BYTES, Options, apply_environment, tells_supervisor,
};

use crate::record::Report;

/// Default for [`Folding::every`].
const DEFAULT_FOLD_EVERY: Duration = Duration::from_secs(60);
/// Least time between two summaries.
pub(crate) const MIN_FOLD_EVERY: Duration = Duration::from_secs(1);

/// What to do when every slot is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Drop the new report and count it, by reason and by location. The default.
    Count,
    /// Block the panicking thread until a slot is free, at most this long; then drop and count the report.
    Block(Duration),
}

/// What to do with panics that repeat an earlier one, by fingerprint. Off by default.
///
/// The first panics with a fingerprint get `panic` lines. Further ones are counted, and a `repeats` line per interval has
/// their number and the time of the last one. After an interval without a panic, a fingerprint starts over. A panic that ends
/// the process always gets its line.
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
    /// Writes this many panics per fingerprint in full, at least 1, and summarizes the rest once a minute.
    pub const fn after(whole: u64) -> Self {
        Self { whole, every: DEFAULT_FOLD_EVERY }
    }

    /// Sets the time between two summaries of a fingerprint, at least one second.
    pub const fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }
}

/// What a panic prints on the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Console {
    /// The output of the hook that was set before the agent, usually that of std. The default.
    Previous,
    /// A readable report on stderr, printed by the writer thread. The previous hook is not called.
    Pretty,
    /// Nothing. The previous hook is not called.
    Off,
}

/// Whether frames get names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Symbols {
    /// They do. Debug information is read when the first report asks for it, and released after a quiet minute. The default.
    On,
    /// They do. The debug information of the program is read when the agent starts, and kept.
    Eager,
    /// They do not: a report has addresses and build-ids.
    Off,
}

/// Whether reports in flight survive the process, and where they are kept. `docs/reliability.md` has the guarantees.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spool {
    /// In a file beside the log. Without a log file there is no spool. The default.
    BesideLog,
    /// In a file in this directory, which must exist. A file system in memory, such as `/run`, is fine.
    Directory(PathBuf),
    /// In memory only: they are lost if the process is killed.
    Off,
}

/// Whether the agent observes what becomes of a panic after its hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probes {
    /// It does, where the platform allows it: see `docs/verdicts.md`. The default with the feature `probes`.
    #[default]
    On,
    /// It does not: verdicts are predictions, and no call of the program is redirected.
    Off,
}

/// Whether a thread starts with the labels that are in force where it is spawned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum InheritLabels {
    /// It starts with none. The default.
    #[default]
    Off,
    /// It starts with those of the thread that spawns it.
    FromSpawner,
}

/// Whether reports tell where their thread, and the threads before it, were spawned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnPlaces {
    /// They do not. The default.
    #[default]
    Off,
    /// `lineage[].spawned_at` has the place.
    On,
}

/// Whether the process is a test harness whose panics are attributed to its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Harness {
    /// It is not, or nobody asks. The default.
    None,
    /// `panic`, `verdict` and `finding` lines say which test of libtest they belong to, and `test` lines what the
    /// harness prints. New threads begin with their parent's labels, and `lineage` says where they were spawned.
    Audited,
}

/// Which text the redactor gets.
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
    /// The message or the target of a breadcrumb.
    Breadcrumb,
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
