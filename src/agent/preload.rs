//! The agent of a process that does not know of it: installed by a library that the loader maps before the program.
//!
//! Runs on: the thread that starts the process, before `main`. Must not: fail the program; set a hook; read the
//! program's `PANIC_AGENT_*` variables, which are meant for an agent that the program has itself.

use core::ffi::{CStr, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use super::builder::Agent;
use super::{AGENT, install};
use crate::capture::labels;
use crate::config::{Console, Harness, Overflow, SpawnPlaces};
use crate::error::Error;
use crate::files::FileTrust;
use crate::probe::{self, Event, PanicRef, exported, foreign};
use crate::record::{Notice, SoftError};
use crate::sys::preloaded::{self, Handover, VERSION};

pub use crate::probe::foreign::dlopen;
pub use crate::sys::preloaded::Table;

pub use crate::probe::exported::{
    pthread_create, pthread_detach, pthread_join, pthread_setname_np, raise_exception, set_ip,
};

/// Reports that can be under way at once: as many as the writer can keep the events of until it has read them.
const SLOTS: usize = 512;
/// How long the end of a process waits for its lines.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);
/// The same in a test harness, where what is found without names belongs to no test.
const AUDIT_DEADLINE: Duration = Duration::from_secs(10);
/// How long a panicking thread waits when there are more.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Functions that the library exports under the names of probed ones.
pub type Exported = [(&'static CStr, usize); 6];

/// What the library knows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Preload {
    file: PathBuf,
    compiler: &'static str,
    exported: Exported,
    audited: bool,
    main_start: &'static [u8],
}

/// Set when the agent is installed, for an agent in the program.
static INSTALLED: OnceLock<Preload> = OnceLock::new();

impl Preload {
    /// Lines go to `file`; `compiler` is that of the library, as `.comment` sections say it.
    pub fn new(file: PathBuf, compiler: &'static str, exported: Exported) -> Self {
        Self { file, compiler, exported, audited: false, main_start: &[] }
    }

    /// Whether the program is a test harness whose tests are to be told apart.
    pub fn audited(mut self, audited: bool) -> Self {
        self.audited = audited;
        self
    }

    /// The code of std's function that calls `main`, as the compiler links it into executables.
    pub fn main_start(mut self, code: &'static [u8]) -> Self {
        self.main_start = code;
        self
    }

    /// Installs the agent. It stays until the process ends.
    ///
    /// # Errors
    /// As for [`AgentBuilder::install`](crate::AgentBuilder::install).
    pub fn install(self) -> Result<(), Error> {
        // No other agent is to be asked for: this is it.
        preloaded::forget();
        foreign::switch_on(self.compiler, self.main_start);
        exported::are_exported(&self.exported);
        let mut options = Agent::builder()
            .file(self.file.clone())
            // The directory is the caller's choice, and the program's user may share it.
            .file_trust(FileTrust::Any)
            .console(Console::Previous)
            .spawn_places(SpawnPlaces::On)
            // Nothing shall be lost, and nobody has said how much the program may wait for that.
            .slots(SLOTS)
            .overflow(Overflow::Block(LONGEST_WAIT))
            .harness(if self.audited { Harness::Audited } else { Harness::None })
            .flush_deadline(if self.audited { AUDIT_DEADLINE } else { DEFAULT_DEADLINE })
            .into_options();
        options.lacks.extend(lacks());
        let guard = install::install_with(options)?;
        // Its drop would only flush.
        core::mem::forget(guard);
        let _first = INSTALLED.set(self);
        Ok(())
    }
}

/// Whether an image besides this library can raise: only then is there something to observe.
pub fn is_needed() -> bool {
    exported::raises()
}

/// Calls a function when the program loads a library, until it was called once.
pub fn when_loading(first: fn()) {
    foreign::when_loading(first);
}

/// What a library in the program may call; null until the agent is installed.
pub fn table() -> *const Table {
    static TABLE: Table =
        Table { version: VERSION, size: size_of::<Table>() as u32, stand_down, push_label, remove_label };
    if INSTALLED.get().is_some() { &raw const TABLE } else { core::ptr::null() }
}

/// The program has an agent of its own, which sees more: this one says so, and is silent from then on.
///
/// # Safety
/// `handover` is null or valid, and nobody else uses it during the call.
unsafe extern "C" fn stand_down(handover: *mut Handover) -> c_int {
    let (Some(left), Some(agent)) = (INSTALLED.get(), AGENT.get()) else { return 1 };
    // SAFETY: as promised to this function.
    let Some(handover) = (unsafe { handover.as_mut() }) else { return 1 };
    let path = left.file.as_os_str().as_bytes();
    // One that is too long has no place.
    let Some(place) = handover.path.get_mut(..path.len()) else { return 1 };
    place.copy_from_slice(path);
    handover.path_len = path.len();
    handover.audited = left.audited;
    let what = Notice::HandedOver;
    probe::wrapper_notes::send(Event::Noticed { what, panic: PanicRef::NONE, number: 0 }, |_| {});
    probe::stand_down();
    // What is not written in time is written later: the writer stays.
    let _in_time = agent.writer.flush(agent.flush_deadline);
    0
}

/// # Safety
/// Each of the two texts is null, or `len` readable bytes that nobody writes during the call.
unsafe extern "C" fn push_label(
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
    cut: bool,
) -> u64 {
    // SAFETY: as promised to this function.
    let key = unsafe { as_text(key, key_len) };
    // SAFETY: as above.
    let value = unsafe { as_text(value, value_len) };
    key.zip(value).map_or(0, |(key, value)| labels::for_program::push(key, value, cut))
}

extern "C" fn remove_label(number: u64) {
    labels::for_program::remove(number);
}

/// What the table's functions are given, as texts; `None` for what is none.
///
/// # Safety
/// `start` and `len` are those of a text that lives as long as the caller uses it.
unsafe fn as_text<'a>(start: *const u8, len: usize) -> Option<&'a str> {
    if start.is_null() {
        return None;
    }
    // SAFETY: as promised to this function.
    let bytes = unsafe { core::slice::from_raw_parts(start, len) };
    core::str::from_utf8(bytes).ok()
}

/// What is not known of every panic of this program.
fn lacks() -> Option<SoftError> {
    let others = foreign::other_compilers();
    let detail = match others.as_slice() {
        [] => return None,
        [other] => format!("the program was built by {other}, and the agent by another compiler"),
        _ => format!("the program was built by several compilers: {}", others.join(", ")),
    };
    let detail = format!("{detail}: messages, payloads and places of panics are not read");
    Some(SoftError::new("message", "other_compiler", &detail))
}
