//! What the parent of a test run tells the runners that cargo starts for it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use panic_agent::audit::{Class, Detail, Level, Policy};
use serde::{Deserialize, Serialize};

use crate::args::AuditArgs;
use crate::failure::Failure;

/// Name of the file in the directory of the run.
const FILE: &str = "settings.json";

/// The settings of one run.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Settings {
    /// The library that is loaded before each test binary.
    pub(crate) library: PathBuf,
    /// The user's own runner with its arguments; empty without one.
    pub(crate) runner: Vec<OsString>,
    /// Levels from the command line, in words.
    pub(crate) levels: Vec<(String, String)>,
    pub(crate) stacks: bool,
    pub(crate) verbose: bool,
}

impl Settings {
    /// What the command line says.
    pub(crate) fn new(library: PathBuf, runner: Vec<OsString>, args: &AuditArgs) -> Self {
        let said = [(&args.allow, Level::Allow), (&args.warn, Level::Warn), (&args.deny, Level::Deny)];
        let levels = said.into_iter().flat_map(|(classes, level)| {
            classes.iter().map(move |class| (class.word().to_owned(), level.word().to_owned()))
        });
        Self { library, runner, levels: levels.collect(), stacks: args.stacks, verbose: args.show_folded }
    }

    pub(crate) fn write(&self, run: &Path) -> Result<(), Failure> {
        let path = run.join(FILE);
        let text = serde_json::to_vec(self).map_err(|error| Failure::new(format!("settings: {error}")))?;
        fs::write(&path, text).map_err(|error| Failure::io("write", &path, &error))
    }

    pub(crate) fn read(run: &Path) -> Result<Self, Failure> {
        let path = run.join(FILE);
        let text = fs::read(&path).map_err(|error| Failure::io("read", &path, &error))?;
        serde_json::from_slice(&text).map_err(|error| Failure::new(format!("`{}`: {error}", path.display())))
    }

    /// How much tables show.
    pub(crate) fn detail(&self) -> Detail {
        Detail::default().stacks(self.stacks).verbose(self.verbose)
    }

    /// The policy of a package, with what the command line says.
    pub(crate) fn policy(&self, package: &Path) -> Result<Policy, Failure> {
        let mut policy = Policy::load(package).map_err(|error| Failure::new(error.to_string()))?;
        for (class, level) in &self.levels {
            let level = match level.as_str() {
                "deny" => Level::Deny,
                "warn" => Level::Warn,
                _ => Level::Allow,
            };
            if let Some(class) = Class::from_word(class) {
                policy.set(class, level);
            }
        }
        match std::env::var("PANIC_AGENT_AUDIT").as_deref() {
            Ok("warn") => policy.warn_only(),
            Ok("deny") => policy.deny_warnings(),
            _ => {}
        }
        Ok(policy)
    }
}
