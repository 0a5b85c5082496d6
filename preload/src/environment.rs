//! What the environment asks for, and the environment as the program shall see it.
//!
//! Runs on: the thread that starts the process. Must not: be used later; write to the environment when there is another
//! thread, which a library that was loaded earlier may have started.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// File that the lines go to; `{pid}` in it becomes the process id. Without it nothing is installed.
const FILE: &str = "PANIC_AGENT_PRELOAD_FILE";
/// `audit` for a test harness, `run` for any other program.
const MODE: &str = "PANIC_AGENT_PRELOAD_MODE";
/// `keep`: children of the program are observed, too.
const CHILDREN: &str = "PANIC_AGENT_PRELOAD_CHILDREN";
/// Path of the one program that is meant: another process on the way to it is left alone, with its environment.
const TARGET: &str = "PANIC_AGENT_PRELOAD_TARGET";
/// The process that is meant, once one could not raise: it may still become a program that can, and its children are
/// not meant.
const PROCESS: &str = "PANIC_AGENT_PRELOAD_PROCESS";
/// Path of this library, as it stands in `LD_PRELOAD`.
const LIBRARY: &str = "PANIC_AGENT_PRELOAD_SELF";
const LD_PRELOAD: &str = "LD_PRELOAD";

/// What this process is to do.
pub(crate) struct Wanted {
    pub(crate) file: PathBuf,
    pub(crate) audited: bool,
}

/// Reads the variables and, unless children are to be observed too, takes them away from a program that can raise. `None`
/// when there is nothing to do.
pub(crate) fn take(can_raise: bool) -> Option<Wanted> {
    if std::env::var_os(TARGET).is_some_and(|target| !is_this(Path::new(&target))) {
        return None;
    }
    let file = std::env::var_os(FILE);
    let mode = std::env::var_os(MODE);
    let keep = std::env::var_os(CHILDREN).is_some_and(|value| value == "keep");
    let own = std::process::id().to_string();
    let meant = std::env::var(PROCESS).map_or(true, |process| process == own);
    // With other threads the variables stay: its children are observed as well, which is better than a torn environment.
    let may_write = !keep && is_alone();
    if may_write && meant && !can_raise {
        // SAFETY: the process has one thread, as was just seen, and only that one can start another.
        unsafe { std::env::set_var(PROCESS, own) };
    } else if may_write {
        let rest = without_self(std::env::var_os(LD_PRELOAD), std::env::var_os(LIBRARY));
        for name in [FILE, MODE, CHILDREN, TARGET, PROCESS, LIBRARY, LD_PRELOAD] {
            // SAFETY: as above.
            unsafe { std::env::remove_var(name) };
        }
        if let Some(rest) = rest {
            // SAFETY: as above.
            unsafe { std::env::set_var(LD_PRELOAD, rest) };
        }
    }
    let file = file.filter(|file| !file.is_empty() && (meant || keep))?;
    Some(Wanted { file: with_pid(file), audited: mode.is_some_and(|mode| mode == "audit") })
}

/// Whether this is the only thread of the process; `false` also where that cannot be seen.
fn is_alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

fn is_this(target: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    std::env::current_exe().ok().is_some_and(|own| real(&own) == real(target))
}

/// The other libraries of `LD_PRELOAD`, which separates them by colons or spaces; `None` when there are none.
fn without_self(preload: Option<OsString>, own: Option<OsString>) -> Option<OsString> {
    let preload = preload?;
    let own = own.unwrap_or_default();
    let others: Vec<&[u8]> = preload
        .as_bytes()
        .split(|byte| matches!(byte, b':' | b' '))
        .filter(|path| !path.is_empty() && *path != own.as_bytes())
        .collect();
    (!others.is_empty()).then(|| OsString::from_vec(others.join(&b':')))
}

/// A file per process.
fn with_pid(file: OsString) -> PathBuf {
    let text = file.as_bytes();
    let place = b"{pid}";
    match text.windows(place.len()).rposition(|window| window == place) {
        Some(at) => {
            let mut path = text[..at].to_vec();
            path.extend_from_slice(std::process::id().to_string().as_bytes());
            path.extend_from_slice(&text[at + place.len()..]);
            PathBuf::from(OsString::from_vec(path))
        }
        None => PathBuf::from(file),
    }
}

/// One line on stderr: the program runs without an agent.
pub(crate) fn complain(problem: &dyn Display) {
    let line = format!("panic-agent: {problem}; the program runs unobserved\n");
    // Nothing can be done when stderr is closed.
    let _written = std::io::stderr().write_all(line.as_bytes());
}
