//! The auditor: the lines of a process, how it ended, and a policy, into findings.
//!
//! Runs on: threads that audit. Must not: read anything but its arguments and, for whose code it is, whether source files
//! exist.

mod case;
mod decide;
mod gather;
mod open;
mod sorting;
mod words;

use std::path::{Path, PathBuf};

pub(super) use gather::Gathered;
pub(super) use words::place_of;

use super::audited::{Audit, Ending};
use super::policy::{PackagePlace, Policy};
use crate::record::LineContent;

/// Audits one process of a test harness.
///
/// It is a function of the lines that the process wrote, how it ended, and the policy: the same lines give the same
/// findings, wherever they are audited.
///
/// # Examples
/// ```
/// use panic_agent::audit::{Auditor, Ending, Policy};
/// use panic_agent::record::LineReader;
///
/// let lines = b"{\"schema\":1,\"kind\":\"of a later version\"}\n";
/// let mut auditor = Auditor::new(Policy::new()).binary("billing");
/// for line in LineReader::new(&lines[..]) {
///     auditor.line(line?.content);
/// }
/// let audit = auditor.finish(Ending::Exited(0));
/// assert!(audit.is_quiet() && !audit.is_denied());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Auditor {
    policy: Policy,
    binary: String,
    package: Option<PackagePlace>,
    whole_output: bool,
    gathered: Gathered,
}

impl Auditor {
    /// One that has read nothing.
    pub fn new(policy: Policy) -> Self {
        Self::of(policy, Gathered::default())
    }

    /// One that has read these lines.
    pub(super) fn of(policy: Policy, gathered: Gathered) -> Self {
        Self { policy, binary: String::new(), package: None, whole_output: false, gathered }
    }

    /// Name of the binary in findings and baselines; see [`binary_name`].
    pub fn binary(self, name: impl Into<String>) -> Self {
        Self { binary: name.into(), ..self }
    }

    /// Directory of the package under test. Without it `wrong_should_panic` is never found: nobody knows whose code it was.
    pub fn package(self, directory: impl AsRef<Path>) -> Self {
        Self { package: Some(PackagePlace::new(directory.as_ref())), ..self }
    }

    /// Says that the `test` lines are complete, because the whole output of the harness was read. Then a planned test that
    /// did not finish in a process that ended with 0 is a hidden exit, whoever called it.
    pub fn whole_output(self) -> Self {
        Self { whole_output: true, ..self }
    }

    /// Reads one line. Any line will do.
    pub fn line(&mut self, line: LineContent) {
        self.gathered.line(line);
    }

    /// Applies the policy.
    pub fn finish(self, ending: Ending) -> Audit {
        decide::decide(self, ending)
    }
}

/// Name of a test binary: `package` for the unit tests of a library of that name, else `package::target`. `exe` is its path:
/// cargo puts a dash and a hash after the name of the target.
///
/// # Examples
/// ```
/// use panic_agent::audit::binary_name;
///
/// assert_eq!(binary_name("my-app", "target/debug/deps/my_app-0123456789abcdef"), "my-app");
/// assert_eq!(binary_name("my-app", "target/debug/deps/end_to_end-0123456789abcdef"), "my-app::end_to_end");
/// assert_eq!(binary_name("", "/opt/billing"), "billing");
/// ```
pub fn binary_name(package: &str, exe: impl Into<PathBuf>) -> String {
    let exe: PathBuf = exe.into();
    let name = exe.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let target = name.rsplit_once('-').filter(|(_, tail)| hash(tail)).map_or(&*name, |(target, _)| target);
    match package {
        "" => target.to_owned(),
        _ if package.replace('-', "_") == target.replace('-', "_") || target.is_empty() => package.to_owned(),
        _ => format!("{package}::{target}"),
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod open_tests;
#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;
