//! `PANIC_AGENT_*` variables: the operator's word, which wins over the code's.
//!
//! Runs on: the thread that installs the agent. Must not: fail; a bad value is a warning and the value
//! from the code stays.

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use super::{
    Console, Folding, MAX_SETTLE, MAX_SLOTS, MIN_FOLD_EVERY, MIN_MAX_REPORT_BYTES, Options, Overflow, Probes,
    Spool, Symbols,
};
use crate::files::FileTrust;
use crate::sink::Output;
use crate::sink::{MIN_ROTATION_AGE, MIN_ROTATION_BYTES};

/// Why no value of any variable is accepted in a program that is setuid or setgid, or whose file has capabilities.
const PRIVILEGED: &str = "more rights than whoever started it";

/// A variable whose value cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EnvWarning {
    pub(super) variable: &'static str,
    pub(super) value: String,
    pub(super) accepted: &'static str,
}

#[cfg(unix)]
impl EnvWarning {
    fn privileged(variable: &'static str) -> Self {
        Self { variable, value: String::new(), accepted: PRIVILEGED }
    }
}

impl fmt::Display for EnvWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, accepted } = self;
        if *accepted == PRIVILEGED {
            return write!(f, "{variable} is ignored, because the program has {PRIVILEGED}");
        }
        write!(f, "{variable}=`{value}` is not understood and ignored; accepted: {accepted}")
    }
}

/// One variable.
struct Variable {
    name: &'static str,
    accepted: &'static str,
    apply: Apply,
}

/// How the value of a variable changes the options; `None` when it is not understood.
enum Apply {
    /// As text.
    Text(fn(&mut Options, &str) -> Option<()>),
    /// As bytes, which paths are.
    Path(fn(&mut Options, &OsStr) -> Option<()>),
}

const VARIABLES: [Variable; 21] = [
    Variable {
        name: "PANIC_AGENT",
        accepted: "`on` or `off`",
        apply: Apply::Text(|options, value| {
            options.enabled = switch(value)?;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_FILE",
        accepted: "a path, `stdout` or `stderr`",
        apply: Apply::Path(|options, value| {
            let output = match value.to_str() {
                Some("") => return None,
                Some("stdout") => Output::Stdout,
                Some("stderr") => Output::Stderr,
                _ => Output::File(PathBuf::from(value)),
            };
            options.outputs.retain(|output| matches!(output, Output::Sink(_)));
            options.outputs.insert(0, output);
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_SERVICE",
        accepted: "a service name",
        apply: Apply::Text(|options, value| {
            options.service = Some(non_empty(value)?.to_owned());
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_LABELS",
        accepted: "`key=value` pairs separated by commas",
        apply: Apply::Text(|options, value| {
            let pairs = value
                .split(',')
                .map(|pair| {
                    let (key, value) = pair.split_once('=')?;
                    Some((non_empty(key.trim())?.to_owned(), value.trim().to_owned()))
                })
                .collect::<Option<Vec<_>>>()?;
            options.labels.extend(pairs);
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_CONSOLE",
        accepted: "`previous`, `pretty` or `off`",
        apply: Apply::Text(|options, value| {
            options.console = match value {
                "previous" => Console::Previous,
                "pretty" => Console::Pretty,
                "off" => Console::Off,
                _ => return None,
            };
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_PROBES",
        accepted: "`on` or `off`",
        apply: Apply::Text(|options, value| {
            options.probes = if switch(value)? { Probes::On } else { Probes::Off };
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_SPOOL",
        accepted: "`on`, `off` or an existing directory",
        apply: Apply::Path(|options, value| {
            options.spool = match value.to_str().and_then(switch) {
                Some(true) => Spool::BesideLog,
                Some(false) => Spool::Off,
                None if value.is_empty() => return None,
                None => Spool::Directory(PathBuf::from(value)),
            };
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_SYMBOLS",
        accepted: "`on` or `off`",
        apply: Apply::Text(|options, value| {
            options.symbols = if switch(value)? { Symbols::On } else { Symbols::Off };
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_DEBUG_DIR",
        accepted: "absolute paths of directories, separated by colons",
        apply: Apply::Path(|options, value| {
            let directories: Vec<PathBuf> = std::env::split_paths(value).collect();
            options.debug_directories =
                directories.iter().all(|path| path.is_absolute()).then_some(directories)?;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_MAX_REPORT_BYTES",
        accepted: "a number of bytes, at least 4096",
        apply: Apply::Text(|options, value| {
            let bytes = value.parse().ok().filter(|bytes| *bytes >= MIN_MAX_REPORT_BYTES)?;
            options.max_report_bytes = bytes;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_OVERFLOW",
        accepted: "`count`, or `block:MS` with a number of milliseconds",
        apply: Apply::Text(|options, value| {
            options.overflow = match value.split_once(':') {
                None if value == "count" => Overflow::Count,
                Some(("block", ms)) => Overflow::Block(Duration::from_millis(ms.parse().ok()?)),
                _ => return None,
            };
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_FOLD",
        accepted: "`off`, or `N` or `N/SECONDS`: panics of a fingerprint that are written whole, at least 1, and \
                   seconds between two summaries of the others, at least 1",
        apply: Apply::Text(|options, value| {
            options.folding = match value {
                "off" | "0" => None,
                _ => Some(folding(value)?),
            };
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_FILE_TRUST",
        accepted: "`strict` or `any`",
        apply: Apply::Text(|options, value| {
            options.trust = match value {
                "strict" => FileTrust::Strict,
                "any" => FileTrust::Any,
                _ => return None,
            };
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_ROTATE_BYTES",
        accepted: "`off`, or a number of bytes, at least 4096",
        apply: Apply::Text(|options, value| {
            options.rotation.max_bytes =
                or_off(value, |bytes| Some(bytes).filter(|bytes| *bytes >= MIN_ROTATION_BYTES))?;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_ROTATE_SECONDS",
        accepted: "`off`, or a number of seconds, at least 1",
        apply: Apply::Text(|options, value| {
            options.rotation.max_age =
                or_off(value, |age| Some(Duration::from_secs(age)).filter(|age| *age >= MIN_ROTATION_AGE))?;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_ROTATE_KEEP",
        accepted: "a number of archives, at least 1",
        apply: Apply::Text(|options, value| {
            options.rotation.keep = value.parse().ok().filter(|keep| *keep >= 1)?;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_SLOTS",
        accepted: "a number of slots from 1 to 65536",
        apply: Apply::Text(|options, value| {
            let slots = value.parse().ok().filter(|slots| (1..=MAX_SLOTS).contains(slots))?;
            options.slots = slots;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_FLUSH_MS",
        accepted: "a number of milliseconds",
        apply: Apply::Text(|options, value| {
            options.flush_deadline = Duration::from_millis(value.parse().ok()?);
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_SETTLE_MS",
        accepted: "a number of milliseconds from 0 to 60000",
        apply: Apply::Text(|options, value| {
            let settle = Duration::from_millis(value.parse().ok()?);
            options.settle = (settle <= MAX_SETTLE).then_some(settle)?;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_INHERIT_LABELS",
        accepted: "`on` or `off`",
        apply: Apply::Text(|options, value| {
            options.inherit_labels = switch(value)?;
            Some(())
        }),
    },
    Variable {
        name: "PANIC_AGENT_SPAWN_PLACES",
        accepted: "`on` or `off`",
        apply: Apply::Text(|options, value| {
            options.spawn_places = switch(value)?;
            Some(())
        }),
    },
];

/// Lets every variable that is set win over the options; returns what was not understood. In a program with more rights
/// than whoever started it none wins: the path of the log would be that of anybody.
pub(crate) fn apply_environment(options: &mut Options) -> Vec<EnvWarning> {
    #[cfg(unix)]
    if crate::sys::user::exceeds_its_caller() {
        let set = VARIABLES.iter().filter(|variable| std::env::var_os(variable.name).is_some());
        return set.map(|variable| EnvWarning::privileged(variable.name)).collect();
    }
    apply(options, |name| std::env::var_os(name))
}

fn apply(options: &mut Options, read: impl Fn(&str) -> Option<OsString>) -> Vec<EnvWarning> {
    let mut warnings = Vec::new();
    for Variable { name, accepted, apply } in VARIABLES {
        let Some(value) = read(name) else { continue };
        let text = value.to_string_lossy();
        let understood = match apply {
            Apply::Text(apply) => apply(options, text.trim()),
            Apply::Path(apply) => apply(options, trimmed(&value)),
        };
        if understood.is_none() {
            warnings.push(EnvWarning { variable: name, value: text.into_owned(), accepted });
        }
    }
    warnings
}

/// Without white space around it, where it is text.
pub(super) fn trimmed(value: &OsStr) -> &OsStr {
    value.to_str().map_or(value, |text| OsStr::new(text.trim()))
}

pub(super) fn switch(value: &str) -> Option<bool> {
    match value {
        "on" | "1" | "true" => Some(true),
        "off" | "0" | "false" => Some(false),
        _ => None,
    }
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

fn non_empty(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests;
