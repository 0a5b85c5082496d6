//! `PANIC_AGENT_*` variables: the operator's word, which wins over the code's.
//!
//! Runs on: the thread that installs the agent. Must not: fail; a bad value is a warning and the value
//! from the code stays.

use core::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    Console, MAX_SETTLE, MAX_SLOTS, MIN_MAX_REPORT_BYTES, Options, Output, Overflow, Probes, Spool, Symbols,
};

/// A variable whose value cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EnvWarning {
    variable: &'static str,
    value: String,
    accepted: &'static str,
}

impl fmt::Display for EnvWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, accepted } = self;
        write!(f, "{variable}=`{value}` is not understood and ignored; accepted: {accepted}")
    }
}

/// One variable: how its value changes the options; `None` when it is not understood.
struct Variable {
    name: &'static str,
    accepted: &'static str,
    apply: fn(&mut Options, &str) -> Option<()>,
}

const VARIABLES: [Variable; 15] = [
    Variable {
        name: "PANIC_AGENT",
        accepted: "`on` or `off`",
        apply: |options, value| {
            options.enabled = switch(value)?;
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_FILE",
        accepted: "a path, `stdout` or `stderr`",
        apply: |options, value| {
            let output = match value {
                "" => return None,
                "stdout" => Output::Stdout,
                "stderr" => Output::Stderr,
                path => Output::File(PathBuf::from(path)),
            };
            options.outputs.retain(|output| matches!(output, Output::Sink(_)));
            options.outputs.insert(0, output);
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_SERVICE",
        accepted: "a service name",
        apply: |options, value| {
            options.service = Some(non_empty(value)?.to_owned());
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_LABELS",
        accepted: "`key=value` pairs separated by commas",
        apply: |options, value| {
            let pairs = value
                .split(',')
                .map(|pair| {
                    let (key, value) = pair.split_once('=')?;
                    Some((non_empty(key.trim())?.to_owned(), value.trim().to_owned()))
                })
                .collect::<Option<Vec<_>>>()?;
            options.labels.extend(pairs);
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_CONSOLE",
        accepted: "`previous`, `pretty` or `off`",
        apply: |options, value| {
            options.console = match value {
                "previous" => Console::Previous,
                "pretty" => Console::Pretty,
                "off" => Console::Off,
                _ => return None,
            };
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_PROBES",
        accepted: "`on` or `off`",
        apply: |options, value| {
            options.probes = if switch(value)? { Probes::On } else { Probes::Off };
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_SPOOL",
        accepted: "`on`, `off` or an existing directory",
        apply: |options, value| {
            options.spool = match switch(value) {
                Some(true) => Spool::BesideLog,
                Some(false) => Spool::Off,
                None => Spool::Directory(PathBuf::from(non_empty(value)?)),
            };
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_SYMBOLS",
        accepted: "`on` or `off`",
        apply: |options, value| {
            options.symbols = if switch(value)? { Symbols::On } else { Symbols::Off };
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_MAX_REPORT_BYTES",
        accepted: "a number of bytes, at least 4096",
        apply: |options, value| {
            let bytes = value.parse().ok().filter(|bytes| *bytes >= MIN_MAX_REPORT_BYTES)?;
            options.max_report_bytes = bytes;
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_OVERFLOW",
        accepted: "`count`, or `block:MS` with a number of milliseconds",
        apply: |options, value| {
            options.overflow = match value.split_once(':') {
                None if value == "count" => Overflow::Count,
                Some(("block", ms)) => Overflow::Block(Duration::from_millis(ms.parse().ok()?)),
                _ => return None,
            };
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_SLOTS",
        accepted: "a number of slots from 1 to 65536",
        apply: |options, value| {
            let slots = value.parse().ok().filter(|slots| (1..=MAX_SLOTS).contains(slots))?;
            options.slots = slots;
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_FLUSH_MS",
        accepted: "a number of milliseconds",
        apply: |options, value| {
            options.flush_deadline = Duration::from_millis(value.parse().ok()?);
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_SETTLE_MS",
        accepted: "a number of milliseconds from 0 to 60000",
        apply: |options, value| {
            let settle = Duration::from_millis(value.parse().ok()?);
            options.settle = (settle <= MAX_SETTLE).then_some(settle)?;
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_INHERIT_LABELS",
        accepted: "`on` or `off`",
        apply: |options, value| {
            options.inherit_labels = switch(value)?;
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_SPAWN_PLACES",
        accepted: "`on` or `off`",
        apply: |options, value| {
            options.spawn_places = switch(value)?;
            Some(())
        },
    },
];

/// Lets every variable that is set win over the options; returns what was not understood.
pub(crate) fn apply_environment(options: &mut Options) -> Vec<EnvWarning> {
    apply(options, |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn apply(options: &mut Options, read: impl Fn(&str) -> Option<String>) -> Vec<EnvWarning> {
    let mut warnings = Vec::new();
    for Variable { name, accepted, apply } in VARIABLES {
        let Some(value) = read(name) else { continue };
        if apply(options, value.trim()).is_none() {
            warnings.push(EnvWarning { variable: name, value, accepted });
        }
    }
    warnings
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" | "1" | "true" => Some(true),
        "off" | "0" | "false" => Some(false),
        _ => None,
    }
}

fn non_empty(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> (Options, Vec<EnvWarning>) {
        let mut options = Options::default();
        let warnings = apply(&mut options, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        (options, warnings)
    }

    #[test]
    fn good_values_win() {
        let (options, warnings) = with(&[
            ("PANIC_AGENT", "off"),
            ("PANIC_AGENT_FILE", "stderr"),
            ("PANIC_AGENT_SERVICE", "billing"),
            ("PANIC_AGENT_LABELS", "zone=eu, rack=7"),
            ("PANIC_AGENT_CONSOLE", "pretty"),
            ("PANIC_AGENT_SYMBOLS", "off"),
            ("PANIC_AGENT_PROBES", "off"),
            ("PANIC_AGENT_SPOOL", "/run/spools"),
            ("PANIC_AGENT_MAX_REPORT_BYTES", "8192"),
            ("PANIC_AGENT_OVERFLOW", "block:250"),
            ("PANIC_AGENT_SLOTS", "16"),
            ("PANIC_AGENT_FLUSH_MS", "100"),
            ("PANIC_AGENT_SETTLE_MS", "0"),
            ("PANIC_AGENT_INHERIT_LABELS", "on"),
            ("PANIC_AGENT_SPAWN_PLACES", "on"),
        ]);
        assert_eq!(warnings, []);
        assert!(!options.enabled);
        assert!(matches!(options.outputs[..], [Output::Stderr]));
        assert_eq!(options.service.as_deref(), Some("billing"));
        let labels = [("zone".to_owned(), "eu".to_owned()), ("rack".to_owned(), "7".to_owned())];
        assert_eq!(options.labels, labels);
        assert_eq!(options.console, Console::Pretty);
        assert_eq!(options.symbols, Symbols::Off);
        assert_eq!(options.probes, Probes::Off);
        assert_eq!(options.spool, Spool::Directory("/run/spools".into()));
        assert_eq!(options.max_report_bytes, 8192);
        assert_eq!(options.overflow, Overflow::Block(Duration::from_millis(250)));
        assert_eq!(options.slots, 16);
        assert_eq!(options.flush_deadline, Duration::from_millis(100));
        assert_eq!(options.settle, Duration::ZERO);
        assert!(options.inherit_labels && options.spawn_places);
    }

    #[test]
    fn a_bad_value_names_the_variable_the_value_and_what_is_accepted_and_changes_nothing() {
        for (name, bad) in [
            ("PANIC_AGENT", "maybe"),
            ("PANIC_AGENT_FILE", ""),
            ("PANIC_AGENT_SERVICE", ""),
            ("PANIC_AGENT_LABELS", "zone"),
            ("PANIC_AGENT_LABELS", "=eu"),
            ("PANIC_AGENT_CONSOLE", "loud"),
            ("PANIC_AGENT_SYMBOLS", "some"),
            ("PANIC_AGENT_PROBES", "some"),
            ("PANIC_AGENT_SPOOL", ""),
            ("PANIC_AGENT_MAX_REPORT_BYTES", "100"),
            ("PANIC_AGENT_OVERFLOW", "block"),
            ("PANIC_AGENT_OVERFLOW", "block:soon"),
            ("PANIC_AGENT_SLOTS", "0"),
            ("PANIC_AGENT_SLOTS", "65537"),
            ("PANIC_AGENT_FLUSH_MS", "-1"),
            ("PANIC_AGENT_SETTLE_MS", "60001"),
            ("PANIC_AGENT_SETTLE_MS", "soon"),
            ("PANIC_AGENT_INHERIT_LABELS", "some"),
            ("PANIC_AGENT_SPAWN_PLACES", "all"),
        ] {
            let (options, warnings) = with(&[(name, bad)]);
            let text = warnings.first().expect(name).to_string();
            assert!(text.contains(name) && text.contains(bad) && text.contains("accepted:"), "{text}");
            assert!(options.outputs.is_empty() && options.labels.is_empty() && options.enabled);
            assert_eq!(options.slots, DEFAULTS.0);
            assert_eq!(options.max_report_bytes, DEFAULTS.1);
            assert_eq!(options.settle, Duration::from_millis(20));
            assert!(!options.inherit_labels && !options.spawn_places);
        }
    }

    const DEFAULTS: (usize, usize) = (256, 30 * 1024);

    #[test]
    fn the_file_variable_replaces_the_file_and_keeps_other_sinks() {
        struct Null;
        impl crate::Sink for Null {
            fn write(&mut self, _: &crate::Line<'_>) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut options = Options::default();
        options.outputs.push(Output::File("a".into()));
        options.outputs.push(Output::Sink(Box::new(Null)));
        apply(&mut options, |name| (name == "PANIC_AGENT_FILE").then(|| "b".to_owned()));
        assert!(
            matches!(&options.outputs[..], [Output::File(path), Output::Sink(_)] if path.as_os_str() == "b")
        );
    }
}
