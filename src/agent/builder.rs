//! The builder: every option, with its default. Longer than other files, because each option has its method and its page
//! of documentation here and nothing else.
//!
//! Runs on: the thread that installs the agent. Must not: be used on a panicking thread.

use core::any::Any;
use core::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AgentGuard, install};
use crate::act::{Action, Event, Reaction, Supervisor, TerminationLog};
use crate::config::{
    Console, Folding, Harness, InheritLabels, MAX_SETTLE, MAX_SLOTS, MIN_FOLD_EVERY, MIN_MAX_REPORT_BYTES,
    Options, Overflow, PayloadExtractor, Probes, RedactField, SpawnPlaces, Spool, Symbols,
};
use crate::error::{Error, ErrorKind, complain};
use crate::files::FileTrust;
use crate::record::{MAX_FRAMES, Report};
use crate::sink::{MIN_ROTATION_AGE, MIN_ROTATION_BYTES, Output, Rotation, Sink, Stacks};

/// Entry to the configuration: [`Agent::builder`].
#[derive(Clone, Copy, Debug)]
pub struct Agent;

impl Agent {
    /// Starts a configuration with the defaults.
    ///
    /// # Examples
    /// ```
    /// let agent = panic_agent::Agent::builder()
    ///     .file(std::env::temp_dir().join("example-panics.jsonl"))
    ///     .service("billing")
    ///     .label("region", "eu-1")
    ///     .install()?;
    /// assert!(agent.is_active());
    /// # Ok::<(), panic_agent::Error>(())
    /// ```
    pub fn builder() -> AgentBuilder {
        AgentBuilder { options: Options::default() }
    }
}

/// Collects options; [`install`](AgentBuilder::install) starts the agent. Environment variables (`PANIC_AGENT_*`) win over
/// the options that you set here. `docs/configuration.md` lists both.
#[must_use = "nothing is installed until `install` is called"]
pub struct AgentBuilder {
    options: Options,
}

impl AgentBuilder {
    /// Appends lines to this file, created with mode 0600. Default: `panics.jsonl` in the working directory. A second
    /// call replaces the path.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.options.outputs.retain(|output| matches!(output, Output::Sink(_)));
        self.options.outputs.insert(0, Output::File(path.into()));
        self
    }

    /// Sends lines to a destination of your own: in addition to the file if you call [`file`](Self::file), else instead
    /// of it. You may add several.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.options.outputs.push(Output::Sink(Box::new(sink)));
        self
    }

    /// Where the file may be. Default [`FileTrust::Strict`]: only where no other user can replace it.
    pub fn file_trust(mut self, trust: FileTrust) -> Self {
        self.options.trust = trust;
        self
    }

    /// When the file is rotated. Default: never.
    ///
    /// # Examples
    /// ```
    /// use panic_agent::sink::Rotation;
    /// use panic_agent::Agent;
    /// use std::time::Duration;
    ///
    /// let agent = Agent::builder()
    ///     .file(std::env::temp_dir().join("example-rotated.jsonl"))
    ///     .rotation(Rotation::never().at_bytes(64 << 20).after(Duration::from_secs(86_400)).keep(7))
    ///     .install()?;
    /// # Ok::<(), panic_agent::Error>(())
    /// ```
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.options.rotation = rotation;
        self
    }

    /// How often a file gets a stack. Default [`Stacks::Each`]: every line shows its own.
    ///
    /// # Examples
    /// ```
    /// use panic_agent::sink::Stacks;
    ///
    /// let agent = panic_agent::Agent::builder()
    ///     .file(std::env::temp_dir().join("example-stacks.jsonl"))
    ///     .stacks(Stacks::Once)
    ///     .install()?;
    /// # Ok::<(), panic_agent::Error>(())
    /// ```
    pub fn stacks(mut self, stacks: Stacks) -> Self {
        self.options.stacks = stacks;
        self
    }

    /// What to do with panics that repeat an earlier one. Default: every panic gets a line.
    pub fn fold(mut self, folding: Folding) -> Self {
        self.options.folding = Some(folding);
        self
    }

    /// What to do when this becomes of a panic, whichever it is. Default: nothing more than its line. Conditions and counts
    /// have [`react`](Self::react). An operator's `PANIC_AGENT_ON_*` variable takes the place of all reactions to its event.
    ///
    /// # Examples
    /// A service that a supervisor restarts ends when a part of it has died unseen:
    /// ```
    /// use panic_agent::act::{Action, Event};
    ///
    /// let _agent = panic_agent::Agent::builder()
    ///     .file(std::env::temp_dir().join("example-acting.jsonl"))
    ///     .on(Event::Silent, Action::Exit(70))
    ///     .install()?;
    /// # Ok::<(), panic_agent::Error>(())
    /// ```
    pub fn on(self, event: Event, action: Action) -> Self {
        self.react(Reaction::new(event, action))
    }

    /// What to do when this becomes of a panic, under conditions. Of more than 64 reactions the rest is ignored.
    pub fn react(mut self, reaction: Reaction) -> Self {
        self.options.reactions.push(reaction);
        self
    }

    /// Where the last words of the process go. Default [`TerminationLog::Kubernetes`].
    pub fn termination_log(mut self, log: TerminationLog) -> Self {
        self.options.termination_log = log;
        self
    }

    /// Who is told how many parts of the process have died. Default [`Supervisor::None`]. [`Supervisor::Systemd`] needs the
    /// cargo feature `systemd`; without it the `process` line says that nobody is told.
    pub fn supervisor(mut self, supervisor: Supervisor) -> Self {
        self.options.supervisor = supervisor;
        self
    }

    /// Name of the service, for the field `service`. Default: the name of your package with [`builder!`](crate::builder!) and
    /// [`init!`](crate::init!), else none.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.options.service = Some(name.into());
        self
    }

    /// Version of the service, for the field `version`. Default: the version of your package with
    /// [`builder!`](crate::builder!) and [`init!`](crate::init!), else none.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.options.version = Some(version.into());
        self
    }

    /// Deployment environment, such as `production`.
    pub fn environment(mut self, name: impl Into<String>) -> Self {
        self.options.environment = Some(name.into());
        self
    }

    /// A label for every panic of the process. At run time:
    /// [`set_process_label`](crate::labels::set_process_label).
    pub fn label(mut self, key: impl Into<String>, value: impl fmt::Display) -> Self {
        self.options.labels.push((key.into(), value.to_string()));
        self
    }

    /// How many reports can be under way at once, 1 to 65 536. Default 256. Each takes 6 KiB of address space.
    pub fn slots(mut self, slots: usize) -> Self {
        self.options.slots = slots;
        self
    }

    /// What to do when every slot is taken. Default [`Overflow::Count`].
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.options.overflow = overflow;
        self
    }

    /// How long the guard, the end of the process and a predicted abort wait for the writer. Default 2 s.
    pub fn flush_deadline(mut self, deadline: Duration) -> Self {
        self.options.flush_deadline = deadline;
        self
    }

    /// Maximum length of a line in bytes, at least 4096. Default 30 KiB. Outer frames are cut first, then text; fields of
    /// the record tell what was cut.
    pub fn max_report_bytes(mut self, bytes: usize) -> Self {
        self.options.max_report_bytes = bytes;
        self
    }

    /// How many physical frames to record, at most 192. Default 128. The search for the frame that stops the panic is
    /// not limited by it.
    pub fn max_frames(mut self, frames: usize) -> Self {
        self.options.max_frames = frames;
        self
    }

    /// Whether frames get names. Default [`Symbols::On`].
    pub fn symbols(mut self, symbols: Symbols) -> Self {
        self.options.symbols = symbols;
        self
    }

    /// Adds a directory to search for separate debug files, in addition to `/usr/lib/debug`: for
    /// `.build-id/xx/yyyy.debug`, and for debug links under the path of the image. You may add several. A relative path is
    /// resolved against the current working directory, when you call this.
    pub fn debug_dir(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.options.debug_directories.push(path);
        self
    }

    /// What a panic prints on the console. Default [`Console::Previous`].
    pub fn console(mut self, console: Console) -> Self {
        self.options.console = console;
        self
    }

    /// Whether the agent observes what becomes of a panic after its hook. Default [`Probes::On`], if the build has probes.
    pub fn probes(mut self, probes: Probes) -> Self {
        self.options.probes = probes;
        self
    }

    /// Whether reports that are under way outlive the process. Default [`Spool::BesideLog`].
    ///
    /// # Examples
    /// ```
    /// let directory = std::env::temp_dir().join(format!("panic-agent-spools-{}", std::process::id()));
    /// std::fs::create_dir_all(&directory)?;
    /// let agent = panic_agent::Agent::builder()
    ///     .file(directory.join("panics.jsonl"))
    ///     .spool(panic_agent::Spool::Directory(directory))
    ///     .install()?;
    /// assert!(agent.is_active());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spool(mut self, spool: Spool) -> Self {
        self.options.spool = spool;
        self
    }

    /// How long the writer delays a verdict that may still change, so that most panics need few lines. Default 20 ms, at
    /// most 60 s. With 0 it emits every change at once. The panicking thread never waits for it, and the end of the
    /// process emits whatever is delayed.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.options.settle = settle;
        self
    }

    /// Whether a thread starts with the labels that are in force where it is spawned. Default [`InheritLabels::Off`].
    ///
    /// They become the outermost labels of the new thread, until it ends: its own labels shadow them, and threads that it
    /// spawns inherit both. Pool threads keep the labels of whoever started the pool. This needs the thread probe
    /// (`probe_threads` in the `process` line); without it nothing is inherited.
    ///
    /// # Cost
    /// Two copies of the labels per thread, no allocation.
    ///
    /// # Examples
    /// ```
    /// let _agent = panic_agent::Agent::builder()
    ///     .file(std::env::temp_dir().join("example-panics.jsonl"))
    ///     .inherit_labels(panic_agent::thread::InheritLabels::FromSpawner)
    ///     .install()?;
    /// let _request = panic_agent::label("request", 17);
    /// // A panic of this thread is reported with request = 17.
    /// std::thread::spawn(|| ()).join().ok();
    /// # Ok::<(), panic_agent::Error>(())
    /// ```
    pub fn inherit_labels(mut self, inherit: InheritLabels) -> Self {
        self.options.inherit_labels = inherit;
        self
    }

    /// Whether the `lineage` of a panic tells where its thread and that thread's ancestors were spawned (`spawned_at`).
    /// Default [`SpawnPlaces::Off`]. This needs the thread probe, like [`inherit_labels`](Self::inherit_labels).
    ///
    /// # Cost
    /// A short stack walk per spawned thread, well below a microsecond, without allocation; a few hundred bytes in the
    /// writer per live thread.
    pub fn spawn_places(mut self, wanted: SpawnPlaces) -> Self {
        self.options.spawn_places = wanted;
        self
    }

    /// Whether the process is an audited test harness. Used by the audit, not meant for programs.
    ///
    /// # Cost
    /// For each spawned thread, a walk of the whole stack of the spawning one; for each panic, resolving its stack once
    /// more on the writer thread; about a megabyte.
    #[allow(dead_code, reason = "called with the features `audit`, `preload` and `__testing`")]
    pub(crate) fn harness(mut self, harness: Harness) -> Self {
        self.options.harness = harness;
        self
    }

    /// Replaces text before it is written: return `Some(replacement)`, or `None` to keep the text.
    ///
    /// It runs on the writer thread, for the message, label values, the thread name and paths. If it panics, the text
    /// becomes `[redactor failed]`.
    pub fn redactor(
        mut self,
        redact: impl Fn(RedactField<'_>, &str) -> Option<String> + Send + 'static,
    ) -> Self {
        self.options.redactor = Some(Box::new(redact));
        self
    }

    /// Decides on the writer thread whether a finished report is written. A report that is not written is counted as
    /// [`filtered`](crate::record::LossReason::Filtered).
    pub fn before_write(mut self, keep: impl Fn(&Report) -> bool + Send + 'static) -> Self {
        self.options.before_write = Some(Box::new(keep));
        self
    }

    /// Gives `panic_any` payloads of type `T` a message.
    ///
    /// # Cost
    /// `write` runs on the panicking thread, inside the hook: it must not panic (that would abort the
    /// process), lock, or allocate. At most 2048 bytes are kept.
    pub fn payload<T: Any>(
        mut self,
        write: impl Fn(&T, &mut dyn fmt::Write) -> fmt::Result + Send + Sync + 'static,
    ) -> Self {
        self.options.payloads.push(PayloadExtractor::new(write));
        self
    }

    /// Starts the writer thread and sets the panic hook.
    ///
    /// # Errors
    /// If an agent is installed already, the file cannot be opened, a value is out of range, the thread is panicking, or
    /// the operating system refuses memory or a thread. Then nothing is installed.
    pub fn install(self) -> Result<AgentGuard, Error> {
        self.check()?;
        install::install(self.options)
    }

    /// Like [`install`](Self::install), for programs that go on without the agent if it cannot start.
    ///
    /// Never fails the program: one line on stderr tells why the agent did not start and what to do. Then the guard does
    /// nothing.
    pub fn init(self) -> AgentGuard {
        self.install().unwrap_or_else(|error| {
            complain(&error);
            AgentGuard { active: false }
        })
    }

    /// The package whose code calls [`builder!`](crate::builder!).
    #[doc(hidden)]
    pub fn __package(mut self, name: Option<&str>, version: Option<&str>) -> Self {
        self.options.service = name.map(str::to_owned);
        self.options.version = version.map(str::to_owned);
        self
    }

    /// The options, for an agent that no program asks for.
    #[cfg(all(panic_agent_probes, feature = "preload"))]
    pub(super) fn into_options(self) -> Options {
        self.options
    }

    fn check(&self) -> Result<(), Error> {
        let Options { slots, max_report_bytes, max_frames, settle, folding, rotation, .. } = &self.options;
        let bytes = rotation.max_bytes.unwrap_or(MIN_ROTATION_BYTES);
        let age = rotation.max_age.unwrap_or(MIN_ROTATION_AGE);
        let (whole, every) = folding.map_or((1, MIN_FOLD_EVERY), |folding| (folding.whole, folding.every));
        let rules = [
            ((1..=MAX_SLOTS).contains(slots), format!("slots = {slots}"), "use a number from 1 to 65536"),
            (
                *max_report_bytes >= MIN_MAX_REPORT_BYTES,
                format!("max_report_bytes = {max_report_bytes}"),
                "use at least 4096",
            ),
            (
                (1..=MAX_FRAMES).contains(max_frames),
                format!("max_frames = {max_frames}"),
                "use a number from 1 to 192",
            ),
            (*settle <= MAX_SETTLE, format!("settle = {settle:?}"), "use at most 60 s"),
            (bytes >= MIN_ROTATION_BYTES, format!("rotation at {bytes} bytes"), "use at least 4096"),
            (age >= MIN_ROTATION_AGE, format!("rotation after {age:?}"), "use at least one second"),
            (rotation.keep > 0, "rotation with 0 archives".to_owned(), "keep at least 1"),
            (whole > 0, "fold after 0".to_owned(), "write at least 1 panic of a fingerprint whole"),
            (every >= MIN_FOLD_EVERY, format!("fold every {every:?}"), "use at least one second"),
        ];
        let broken = rules.into_iter().find(|(holds, ..)| !holds);
        broken.map_or(Ok(()), |(_, is, advice)| Err(Error::new(ErrorKind::InvalidValue, is, advice)))
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentBuilder").field("service", &self.options.service).finish_non_exhaustive()
    }
}
