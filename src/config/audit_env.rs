//! `PANIC_AGENT_AUDIT*` variables: what the operator wants of the audit in a test binary.
//!
//! Runs on: the thread that installs the audit, and the one that audits. Must not: fail; a bad value is a warning, and
//! the default stays.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::env::EnvWarning;

/// Whether there is an audit, and what becomes of its findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuditMode {
    /// As the policy says.
    On,
    /// None.
    Off,
    /// Nothing is denied.
    Warn,
    /// Everything that is reported is denied.
    Deny,
}

/// What the variables say.
#[derive(Debug)]
pub(crate) struct AuditEnv {
    pub(crate) mode: AuditMode,
    /// File that JSON lines are appended to.
    pub(crate) json: Option<PathBuf>,
    /// Directory that gets a file of JUnit XML.
    pub(crate) junit: Option<PathBuf>,
    pub(crate) stacks: bool,
    pub(crate) verbose: bool,
    /// What is found becomes the baseline.
    pub(crate) write_baseline: bool,
    /// Whether GitHub Actions reads the output.
    pub(crate) github: bool,
    /// Where GitHub Actions has checked out the repository.
    pub(crate) github_workspace: Option<PathBuf>,
    /// Whether each test has a process of its own, under nextest.
    pub(crate) process_per_test: bool,
    pub(crate) warnings: Vec<EnvWarning>,
}

/// A variable: how its value changes the options; `None` when it is not understood.
struct Variable {
    name: &'static str,
    accepted: &'static str,
    apply: fn(&mut AuditEnv, &OsStr) -> Option<()>,
}

const SWITCH: &str = "`on` or `off`";

const VARIABLES: [Variable; 6] = [
    Variable {
        name: "PANIC_AGENT_AUDIT",
        accepted: "`on`, `off`, `warn` or `deny`",
        apply: |env, value| {
            env.mode = match value.to_str() {
                Some("warn") => AuditMode::Warn,
                Some("deny") => AuditMode::Deny,
                _ if switch(value)? => AuditMode::On,
                _ => AuditMode::Off,
            };
            Some(())
        },
    },
    Variable {
        name: "PANIC_AGENT_AUDIT_JSON",
        accepted: "the path of a file, which is appended to",
        apply: |env, value| path(value).map(|path| env.json = Some(path)),
    },
    Variable {
        name: "PANIC_AGENT_AUDIT_JUNIT",
        accepted: "the path of a directory",
        apply: |env, value| path(value).map(|path| env.junit = Some(path)),
    },
    Variable {
        name: "PANIC_AGENT_AUDIT_STACKS",
        accepted: SWITCH,
        apply: |env, value| switch(value).map(|on| env.stacks = on),
    },
    Variable {
        name: "PANIC_AGENT_AUDIT_VERBOSE",
        accepted: SWITCH,
        apply: |env, value| switch(value).map(|on| env.verbose = on),
    },
    Variable {
        name: "PANIC_AGENT_AUDIT_WRITE_BASELINE",
        accepted: SWITCH,
        apply: |env, value| switch(value).map(|on| env.write_baseline = on),
    },
];

impl AuditEnv {
    /// Reads the environment of the process.
    pub(crate) fn read() -> Self {
        Self::from(|name| std::env::var_os(name))
    }

    fn from(read: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut env = Self {
            mode: AuditMode::On,
            json: None,
            junit: None,
            stacks: false,
            verbose: false,
            write_baseline: false,
            github: read("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            github_workspace: read("GITHUB_WORKSPACE").filter(|value| !value.is_empty()).map(PathBuf::from),
            process_per_test: read("NEXTEST").is_some_and(|value| value == "1"),
            warnings: Vec::new(),
        };
        for Variable { name, accepted, apply } in VARIABLES {
            let Some(value) = read(name) else { continue };
            if apply(&mut env, super::env::trimmed(&value)).is_none() {
                let value = value.to_string_lossy().into_owned();
                env.warnings.push(EnvWarning { variable: name, value, accepted });
            }
        }
        env
    }
}

fn switch(value: &OsStr) -> Option<bool> {
    value.to_str().and_then(super::env::switch)
}

fn path(value: &OsStr) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(set: &[(&str, &str)]) -> AuditEnv {
        AuditEnv::from(|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(*value))
        })
    }

    #[test]
    fn without_variables_the_policy_decides() {
        let env = env(&[]);
        assert_eq!(env.mode, AuditMode::On);
        assert!(env.json.is_none() && env.junit.is_none() && env.warnings.is_empty());
        assert!(!(env.stacks || env.verbose || env.write_baseline || env.github || env.process_per_test));
    }

    #[test]
    fn each_variable_has_its_effect() {
        let modes = [
            ("on", AuditMode::On),
            ("1", AuditMode::On),
            ("off", AuditMode::Off),
            ("0", AuditMode::Off),
            ("warn", AuditMode::Warn),
            (" deny ", AuditMode::Deny),
        ];
        for (value, mode) in modes {
            assert_eq!(env(&[("PANIC_AGENT_AUDIT", value)]).mode, mode, "{value}");
        }
        let env = env(&[
            ("PANIC_AGENT_AUDIT_JSON", "a.jsonl"),
            ("PANIC_AGENT_AUDIT_JUNIT", "reports"),
            ("PANIC_AGENT_AUDIT_STACKS", "1"),
            ("PANIC_AGENT_AUDIT_VERBOSE", "on"),
            ("PANIC_AGENT_AUDIT_WRITE_BASELINE", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_WORKSPACE", "/repository"),
            ("NEXTEST", "1"),
        ]);
        assert_eq!(env.json.as_deref(), Some("a.jsonl".as_ref()));
        assert_eq!(env.junit.as_deref(), Some("reports".as_ref()));
        assert_eq!(env.github_workspace.as_deref(), Some("/repository".as_ref()));
        assert!(env.stacks && env.verbose && env.write_baseline && env.github && env.process_per_test);
    }

    #[test]
    fn a_bad_value_is_named_and_ignored() {
        let env =
            env(&[("PANIC_AGENT_AUDIT", "yes"), ("PANIC_AGENT_AUDIT_JSON", ""), ("GITHUB_ACTIONS", "1")]);
        assert_eq!((env.mode, env.json, env.github), (AuditMode::On, None, false));
        let warnings: Vec<_> = env.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "PANIC_AGENT_AUDIT=`yes` is not understood and ignored; accepted: `on`, `off`, `warn` or `deny`",
                "PANIC_AGENT_AUDIT_JSON=`` is not understood and ignored; accepted: the path of a file, which is \
                 appended to",
            ]
        );
    }
}
