//! What is denied, what is only said, and what somebody has accepted.
//!
//! Runs on: threads that audit. Must not: panic, whatever lies in the files.
//!
//! Sources, later ones win: the defaults of the classes, `panic-audit.toml` of the workspace, that of the package, the
//! arguments of `audit!` or of the command line, the environment.

mod error;
pub(super) mod expect;
mod file;
mod places;

use std::path::{Path, PathBuf};

pub use error::PolicyError;
pub(super) use expect::{Expect, Subject};
pub(super) use places::PackagePlace;
pub use places::workspace_root;

use super::baseline::Baseline;
use super::{Class, Level};

/// Name of the file with a policy.
pub const POLICY_FILE: &str = "panic-audit.toml";
/// Where a policy and its baseline may lie instead of beside `Cargo.toml`, as those of other tools do.
const CONFIG_DIRECTORY: &str = ".config";
/// Name of the file with a baseline, unless `baseline` says otherwise.
pub const BASELINE_FILE: &str = "panic-audit-baseline.json";
/// Longest policy and baseline that are read.
const MAX_BYTES: u64 = 16 << 20;

/// Levels of the classes, expected findings, and the baseline.
///
/// # Examples
/// ```
/// use panic_agent::audit::{Class, Level, Policy};
///
/// let text = "deny = [\"received\"]\n[[expect]]\nfile = \"src/pool.rs\"\nreason = \"it kills its workers\"\n";
/// let policy = Policy::parse(text, "panic-audit.toml")?.with(Class::Late, Level::Warn);
/// assert_eq!(policy.level(Class::Received), Level::Deny);
/// assert_eq!(policy.level(Class::Late), Level::Warn);
/// assert_eq!(policy.level(Class::Swallowed), Class::Swallowed.default_level());
/// # Ok::<(), panic_agent::audit::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    levels: [Level; Class::ALL.len()],
    pub(super) expects: Vec<Expect>,
    pub(super) baseline: Baseline,
    baseline_path: Option<PathBuf>,
    strict_entries: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            levels: Class::ALL.map(Class::default_level),
            expects: Vec::new(),
            baseline: Baseline::default(),
            baseline_path: None,
            strict_entries: false,
        }
    }
}

impl Policy {
    /// The defaults: `late`, `silent_death` and `hidden_exit` are denied, the others reported.
    pub fn new() -> Self {
        Self::default()
    }

    /// The policy of a package: the defaults, then `panic-audit.toml` of its workspace, then its own; and the baselines
    /// that stand where these files say, or beside them. Each file may lie in `.config` instead. Files that are not there
    /// are no error.
    ///
    /// # Errors
    /// If a file cannot be read, if it has a value that is not accepted, or if one directory has two of the same name.
    pub fn load(package: impl AsRef<Path>) -> Result<Self, PolicyError> {
        let package = package.as_ref();
        let root = workspace_root(package);
        let mut directories = vec![package];
        directories.extend(root.as_deref().filter(|root| *root != package));
        let mut policy = Self::default();
        for directory in directories.into_iter().rev() {
            policy.read(directory, directory == package)?;
        }
        Ok(policy)
    }

    /// The defaults with the settings of a text; errors call it `path`. No baseline is read.
    ///
    /// # Errors
    /// If the text has a value that is not accepted.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        let path = path.as_ref();
        let mut policy = Self::default();
        policy.apply(file::parse(text, path)?, path.parent().unwrap_or(Path::new("")));
        Ok(policy)
    }

    /// The policy with another level for a class.
    pub fn with(mut self, class: Class, level: Level) -> Self {
        self.set(class, level);
        self
    }

    /// Gives a class another level.
    pub fn set(&mut self, class: Class, level: Level) {
        if let Some(known) = self.levels.get_mut(class as usize) {
            *known = level;
        }
    }

    /// The level of a class.
    pub fn level(&self, class: Class) -> Level {
        self.levels.get(class as usize).copied().unwrap_or_else(|| class.default_level())
    }

    /// Lowers every denied class to a warning.
    pub fn warn_only(&mut self) {
        self.map(|level| if level == Level::Deny { Level::Warn } else { level });
    }

    /// Raises every warning to a denial.
    pub fn deny_warnings(&mut self) {
        self.map(|level| if level == Level::Warn { Level::Deny } else { level });
    }

    /// Replaces the baseline.
    pub fn set_baseline(&mut self, baseline: Baseline) {
        self.baseline = baseline;
    }

    /// The baseline.
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// The path of a new baseline, if the file with the policy sets one.
    pub fn baseline_path(&self) -> Option<&Path> {
        self.baseline_path.as_deref()
    }

    /// Whether a single binary reports entries that matched nothing in it. Default `false`: another binary of the
    /// workspace may need them.
    pub fn strict_entries(&self) -> bool {
        self.strict_entries
    }

    fn map(&mut self, change: impl Fn(Level) -> Level) {
        for level in &mut self.levels {
            *level = change(*level);
        }
    }

    /// Adds the file of a directory and its baseline. `is_own`: of the package itself, and not of its workspace.
    fn read(&mut self, directory: &Path, is_own: bool) -> Result<(), PolicyError> {
        let config = directory.join(CONFIG_DIRECTORY);
        let plain = directory.join(POLICY_FILE);
        let read = match (read_if_there(&plain)?, read_if_there(&config.join(POLICY_FILE))?) {
            (Some(_), Some(_)) => {
                let other = format!("is one of two; the other is `{CONFIG_DIRECTORY}/{POLICY_FILE}`");
                return Err(PolicyError::new(&plain, other).accepted("one of them"));
            }
            (Some(text), None) => Some((text, plain, directory)),
            (None, Some(text)) => Some((text, config.join(POLICY_FILE), &*config)),
            (None, None) => None,
        };
        let mut baseline = directory.join(BASELINE_FILE);
        if let Some((text, path, beside)) = read {
            let said = file::parse(&text, &path)?;
            baseline = beside.join(said.baseline.as_deref().unwrap_or(Path::new(BASELINE_FILE)));
            self.apply(said, beside);
            if is_own && beside != directory {
                self.baseline_path.get_or_insert_with(|| baseline.clone());
            }
        }
        if let Some(text) = read_if_there(&baseline)? {
            self.baseline.add(Baseline::parse(&text, &baseline)?);
        }
        Ok(())
    }

    fn apply(&mut self, said: file::FilePolicy, directory: &Path) {
        for (class, level) in said.levels {
            self.set(class, level);
        }
        self.expects.extend(said.expects);
        self.strict_entries = said.strict_entries.unwrap_or(self.strict_entries);
        if let Some(path) = said.baseline {
            self.baseline_path = Some(directory.join(path));
        }
    }
}

/// The text of a file; `None` when there is none.
pub(super) fn read_if_there(path: &Path) -> Result<Option<String>, PolicyError> {
    use std::io::{ErrorKind, Read};

    let unreadable = |error| PolicyError::unreadable(path, error);
    // Looked at before it is opened: a pipe would be waited for.
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(metadata) if !metadata.is_file() => {
            return Err(PolicyError::new(path, "is not a regular file").accepted("a file"));
        }
        Ok(_) => {}
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(PolicyError::new(path, "is too long").accepted("at most 16 MiB"));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests;
