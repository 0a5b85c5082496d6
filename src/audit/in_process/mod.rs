//! The audit inside of the test binary itself: what [`audit!`](crate::audit!) installs.
//!
//! Runs on: the thread that runs initializers, before `main`; the writer thread (the sink); the thread that ends the
//! process. Must not: panic, or let a binary pass that failed.
//!
//! The initializers of an executable run when the loader is done, on Windows as well, and hold none of its locks: the writer
//! thread starts at once, and nobody waits for it.
//!
//! The order at the end: `exit` calls the agent's handler, which waits until the writer has written everything, and then
//! the one of this module, because it was registered first.

mod ending;
mod output;
mod turn;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Class, Gathered, Level};
use crate::config::{AuditEnv, AuditMode, Harness};
use crate::error::complain;
use crate::record::{EncodedLine, LineContent};
use crate::sink::Sink;
use crate::sys::{at_exit, fork, symbol};
use crate::{Agent, Overflow, Spool};

/// What the preloaded agent exports.
const PRELOAD: &core::ffi::CStr = c"panic_agent_preload";
/// Reports that can be under way at once: suites with storms of panics are common.
const SLOTS: usize = 2048;
/// How long a panicking thread waits for a slot before its report is lost, and with it a finding.
const SLOT_DEADLINE: Duration = Duration::from_millis(500);
/// How long the end of the process waits for lines at most. A short test binary ends before its symbols are read, and
/// without names of functions neither tests nor verdicts can be told; half of this may go into that.
const FLUSH_DEADLINE: Duration = Duration::from_secs(30);

/// The levels of one `audit!`.
type Levels = &'static [(Class, Level)];

/// The audit of this process.
struct Installed {
    manifest_dir: &'static str,
    package: &'static str,
    /// Of every `audit!` of the binary: they come in no order, so the strictest level of a class counts.
    levels: Mutex<Vec<Levels>>,
    env: AuditEnv,
    gathered: Arc<Mutex<Gathered>>,
    /// [`fork::generation`] of the process that is audited; a forked child is not.
    home: u32,
}

/// Gathers the lines in memory, as far as the audit needs them.
#[derive(Debug)]
struct GatheringSink(Arc<Mutex<Gathered>>);

impl Sink for GatheringSink {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        self.0.lock().line(LineContent::Line(line.line.clone()));
        Ok(())
    }
}

/// Set once, by the first `audit!` of the binary that gets to run.
static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Starts the audit of this process. For [`audit!`](crate::audit!), which calls it before `main`.
#[doc(hidden)]
pub fn install(manifest_dir: &'static str, package: &'static str, levels: &'static [(Class, Level)]) {
    let start = || start(manifest_dir, package, levels);
    if catch_unwind(AssertUnwindSafe(start)).is_err() {
        complain(&"the audit of this test binary could not be started");
    }
}

fn start(manifest_dir: &'static str, package: &'static str, levels: Levels) {
    if let Some(installed) = INSTALLED.get() {
        installed.levels.lock().push(levels);
        return;
    }
    // The preloaded agent writes for whoever preloaded it, who audits.
    if symbol::is_exported(PRELOAD) {
        return;
    }
    let env = AuditEnv::read();
    for warning in &env.warnings {
        complain(warning);
    }
    if env.mode == AuditMode::Off {
        return;
    }
    let gathered = Arc::new(Mutex::new(Gathered::default()));
    let sink = GatheringSink(gathered.clone());
    fork::watch();
    let levels = Mutex::new(vec![levels]);
    let new = Installed { manifest_dir, package, levels, env, gathered, home: fork::generation() };
    if INSTALLED.set(new).is_err() {
        return;
    }
    // Before the agent's own handler, so that it runs after it.
    if !at_exit::register_status(ending::at_exit) {
        complain(&"this test binary is not audited: its exit handler could not be registered");
        return;
    }
    let builder = Agent::builder()
        .sink(sink)
        .slots(SLOTS)
        .flush_deadline(FLUSH_DEADLINE)
        .overflow(Overflow::Block(SLOT_DEADLINE))
        .spool(Spool::Off)
        .harness(Harness::Audited);
    // Dropping the guard waits for lines, of which there are none yet.
    if let Err(error) = builder.install() {
        complain(&format_args!("this test binary is not audited: {error}"));
    }
}
