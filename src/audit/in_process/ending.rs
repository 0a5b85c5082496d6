//! The end of a test binary: audit, say, and change the status if something is denied.
//!
//! Runs on: the thread that ends the process, in `exit`, and a thread of the audit's own that it waits for. Must not: run
//! in a forked child, or change a status that is known not to be 0.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::{INSTALLED, Installed, output};
use crate::agent;
use crate::audit::policy::{Policy, PolicyError, workspace_root};
use crate::audit::{Audit, Auditor, Class, DENIED_STATUS, Ending, Gathered, Level, binary_name};
use crate::config::AuditMode;
use crate::sys::{at_exit, fork};

/// Enough for regular expressions; whoever ends the process may have a small stack.
const STACK_BYTES: usize = 2 << 20;

/// Runs in `exit`, after the agent has written everything. `status`: `None` where the system does not tell.
pub(super) fn at_exit(status: Option<i32>) {
    let Some(installed) = INSTALLED.get().filter(|installed| installed.home == fork::generation()) else {
        return;
    };
    // The thread that ends the process may hold locks of std's streams and has lost its thread-locals.
    let thread = std::thread::Builder::new().name("panic-agent-audit".to_owned()).stack_size(STACK_BYTES);
    let audit =
        move || catch_unwind(AssertUnwindSafe(|| end(installed, status))).unwrap_or_else(|_| failed());
    let denied = match thread.spawn(audit) {
        Ok(thread) => thread.join().unwrap_or_else(|_| failed()),
        Err(error) => {
            output::complain(&format_args!(
                "this test binary is not audited: cannot start a thread: {error}"
            ));
            false
        }
    };
    if denied && may_be_success(status) {
        at_exit::leave(DENIED_STATUS);
    }
}

/// Whether the process ends with a status that hides what is denied. Another one says itself that something was wrong. Where
/// nobody knows, the denied one takes its place: a binary that failed fails all the same.
fn may_be_success(status: Option<i32>) -> bool {
    status.is_none_or(|status| status == 0)
}

/// The audit panicked, which is a mistake of the agent's and not of the test.
fn failed() -> bool {
    output::complain(&"the audit of this test binary failed; this is a bug in panic-agent");
    false
}

/// Whether something is denied.
fn end(installed: &Installed, status: Option<i32>) -> bool {
    let Installed { manifest_dir, package: name, env, gathered, .. } = installed;
    if !agent::is_installed() {
        // Switched off by its own variable, or refused with a message.
        return false;
    }
    let package = package_directory(manifest_dir);
    let (policy, refused) = match policy(installed, &package) {
        Ok(policy) => (policy, false),
        Err(error) => {
            output::complain(&format_args!(
                "{error}; the default policy is used, and the broken one counts as denied"
            ));
            (Policy::new(), true)
        }
    };
    let exe = std::env::current_exe().unwrap_or_default();
    let baseline =
        policy.baseline_path().map_or_else(|| package.join(crate::audit::BASELINE_FILE), Path::to_owned);
    let gathered: Gathered = std::mem::take(&mut gathered.lock());
    let audit: Audit = Auditor::of(policy, gathered)
        .binary(binary_name(name, exe))
        .package(&package)
        .finish(status.map_or(Ending::Unknown, Ending::Exited));
    let adopted = env.write_baseline && !refused && output::write_baseline(&baseline, &audit);
    output::write_files(env, &audit);
    if adopted {
        return false;
    }
    let root = workspace_root(&package);
    output::say(env, &audit, root.as_deref());
    (audit.is_denied() || refused) && env.mode != AuditMode::Warn
}

/// Where the package lies now: the tests of an archive may run elsewhere than they were compiled.
fn package_directory(compiled: &str) -> PathBuf {
    let compiled = PathBuf::from(compiled);
    if compiled.is_dir() {
        return compiled;
    }
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .filter(|moved| moved.is_dir())
        .unwrap_or(compiled)
}

fn policy(installed: &Installed, package: &Path) -> Result<Policy, PolicyError> {
    let mut policy = Policy::load(package)?;
    let mut strictest: BTreeMap<Class, Level> = BTreeMap::new();
    for (class, level) in installed.levels.lock().iter().copied().flatten() {
        let known = strictest.entry(*class).or_insert(*level);
        *known = (*known).max(*level);
    }
    strictest.into_iter().for_each(|(class, level)| policy.set(class, level));
    match installed.env.mode {
        AuditMode::Warn => policy.warn_only(),
        AuditMode::Deny => policy.deny_warnings(),
        AuditMode::On | AuditMode::Off => {}
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_that_is_known_to_be_a_failure_is_kept() {
        assert!(may_be_success(Some(0)) && may_be_success(None));
        assert!(!may_be_success(Some(101)) && !may_be_success(Some(-1)));
    }
}
