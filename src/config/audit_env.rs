//! `PANIC_AGENT_AUDIT*` variables: what the operator wants of the audit in a test binary.
//!
//! Runs on: the thread that installs the audit, and the one that audits. Must not: fail; a bad value is a warning, and
//! the default stays.

use std::ffi::OsString;
use std::path::PathBuf;

use super::variable::{EnvWarning, SWITCH, Value, Variable, apply, either, options, set, switch, word};

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

options! {
    /// What the variables say.
    #[derive(Debug)]
    AuditEnv;

    mode: AuditMode = AuditMode::On;
    "PANIC_AGENT_AUDIT": "`on`, `off`, `warn` or `deny`" => |env, value| {
        let words = [("warn", AuditMode::Warn), ("deny", AuditMode::Deny)];
        let on_or_off = || either(value.text, AuditMode::On, AuditMode::Off);
        set(&mut env.mode, word(value.text, &words).or_else(on_or_off))
    };

    /// File that JSON lines are appended to.
    json: Option<PathBuf> = None;
    "PANIC_AGENT_AUDIT_JSON": "the path of a file, which is appended to" => |env, value| {
        set(&mut env.json, path(value).map(Some))
    };

    /// Directory that gets a file of JUnit XML.
    junit: Option<PathBuf> = None;
    "PANIC_AGENT_AUDIT_JUNIT": "the path of a directory" => |env, value| {
        set(&mut env.junit, path(value).map(Some))
    };

    stacks: bool = false;
    "PANIC_AGENT_AUDIT_STACKS": SWITCH => |env, value| set(&mut env.stacks, switch(value.text));

    verbose: bool = false;
    "PANIC_AGENT_AUDIT_VERBOSE": SWITCH => |env, value| set(&mut env.verbose, switch(value.text));

    /// What is found becomes the baseline.
    write_baseline: bool = false;
    "PANIC_AGENT_AUDIT_WRITE_BASELINE": SWITCH => |env, value| {
        set(&mut env.write_baseline, switch(value.text))
    };

    /// Whether GitHub Actions reads the output.
    github: bool = false;

    /// Where GitHub Actions has checked out the repository.
    github_workspace: Option<PathBuf> = None;

    /// Whether each test has a process of its own, under nextest.
    process_per_test: bool = false;

    warnings: Vec<EnvWarning> = Vec::new();
}

impl AuditEnv {
    /// Reads the environment of the process.
    pub(crate) fn read() -> Self {
        Self::from(|name| std::env::var_os(name))
    }

    fn from(read: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut env = Self {
            github: read("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            github_workspace: read("GITHUB_WORKSPACE").filter(|value| !value.is_empty()).map(PathBuf::from),
            process_per_test: read("NEXTEST").is_some_and(|value| value == "1"),
            ..Self::default()
        };
        env.warnings = apply(VARIABLES, &mut env, read);
        env
    }
}

fn path(value: Value<'_>) -> Option<PathBuf> {
    (!value.path.is_empty()).then(|| PathBuf::from(value.path))
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
                "PANIC_AGENT_AUDIT=`yes` is not understood and was ignored; accepted: `on`, `off`, `warn` or `deny`",
                "PANIC_AGENT_AUDIT_JSON=`` is not understood and was ignored; accepted: the path of a file, which is \
                 appended to",
            ]
        );
    }
}
