//! Where policies come from, and which word is the last.

use std::fs;

use serde_json::json;

use super::*;
use crate::files::testing::Dir;

/// Writes a file, with the directories above it.
pub(super) fn put(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn workspace(name: &str) -> Dir {
    let dir = Dir::new(name);
    put(dir.join("Cargo.toml"), "[workspace]\nmembers = [\"member\"]\n");
    put(dir.join("member/Cargo.toml"), "[package]\nname = \"member\"\n");
    dir
}

#[test]
fn without_files_the_defaults_hold() {
    let dir = workspace("audit-defaults");
    let policy = Policy::load(dir.join("member")).unwrap();
    let denied: Vec<_> = Class::ALL.into_iter().filter(|class| policy.level(*class) == Level::Deny).collect();
    assert_eq!(denied, [Class::Late, Class::SilentDeath, Class::HiddenExit]);
    assert!(Class::ALL.iter().all(|class| policy.level(*class) != Level::Allow));
    assert!(policy.expects.is_empty() && policy.baseline().is_empty());
    assert!(Policy::load("/no/such/directory").is_ok());
}

#[test]
fn the_package_wins_over_its_workspace_and_code_over_both() {
    let dir = workspace("audit-order");
    let levels = "deny = [\"received\", \"swallowed\"]\nstrict_entries = true\n";
    put(dir.join(POLICY_FILE), &format!("{levels}[[expect]]\ntest = \"a\"\nreason = \"root\"\n"));
    let own = "allow = [\"swallowed\"]\n[[expect]]\ntest = \"b\"\nreason = \"member\"\n";
    put(dir.join("member").join(POLICY_FILE), own);
    let policy = Policy::load(dir.join("member")).unwrap();
    assert_eq!(policy.level(Class::Received), Level::Deny);
    assert_eq!(policy.level(Class::Swallowed), Level::Allow);
    assert!(policy.strict_entries());
    assert_eq!(policy.expects.iter().map(|expect| &*expect.reason).collect::<Vec<_>>(), ["root", "member"]);
    assert_eq!(policy.with(Class::Swallowed, Level::Deny).level(Class::Swallowed), Level::Deny);
    let root = Policy::load(&*dir).unwrap();
    assert_eq!(root.level(Class::Swallowed), Level::Deny);
    assert_eq!(root.expects.len(), 1);
}

#[test]
fn all_levels_can_be_moved_at_once() {
    let mut policy = Policy::new().with(Class::Swallowed, Level::Allow);
    policy.warn_only();
    assert!(Class::ALL.iter().all(|class| policy.level(*class) <= Level::Warn));
    policy.deny_warnings();
    assert_eq!(policy.level(Class::HarnessEnd), Level::Deny);
    assert_eq!(policy.level(Class::Swallowed), Level::Allow);
}

#[test]
fn a_baseline_lies_beside_the_policy_or_where_it_says() {
    let entry = |test: &str| {
        let entry = json!({"binary": "b", "test": test, "class": "late", "file": null, "function": null, "message": null});
        json!({"schema": 1, "entries": [entry]}).to_string()
    };
    let dir = workspace("audit-baselines");
    put(dir.join(BASELINE_FILE), &entry("beside"));
    put(dir.join("member").join(POLICY_FILE), "baseline = \"known/audit.json\"\n");
    put(dir.join("member/known/audit.json"), &entry("named"));
    let policy = Policy::load(dir.join("member")).unwrap();
    let tests: Vec<_> = policy.baseline().entries().filter_map(|entry| entry.test.as_deref()).collect();
    assert_eq!(tests, ["beside", "named"]);
    assert_eq!(policy.baseline_path(), Some(&*dir.join("member/known/audit.json")));
    put(dir.join("member/known/audit.json"), "{");
    let error = Policy::load(dir.join("member")).unwrap_err().to_string();
    assert!(error.contains("known/audit.json:1: not a baseline"), "{error}");
}

#[test]
fn a_policy_may_lie_in_the_config_directory_and_its_baseline_beside_it() {
    let dir = workspace("audit-config");
    put(dir.join(".config").join(POLICY_FILE), "deny = [\"received\"]\n");
    put(dir.join(".config").join(BASELINE_FILE), "{");
    let error = Policy::load(dir.join("member")).unwrap_err();
    assert_eq!(error.path(), dir.join(".config").join(BASELINE_FILE));
    fs::remove_file(dir.join(".config").join(BASELINE_FILE)).unwrap();
    let policy = Policy::load(dir.join("member")).unwrap();
    assert_eq!(policy.level(Class::Received), Level::Deny);
    assert_eq!(policy.baseline_path(), None, "that of the package lies in the package");
    let root = Policy::load(&*dir).unwrap();
    assert_eq!(root.baseline_path(), Some(&*dir.join(".config").join(BASELINE_FILE)));
    put(dir.join(POLICY_FILE), "");
    let error = Policy::load(dir.join("member")).unwrap_err().to_string();
    let end =
        "panic-audit.toml: is one of two; the other is `.config/panic-audit.toml`; accepted: one of them";
    assert!(error.ends_with(end), "{error}");
}

#[test]
fn the_part_of_the_scan_is_passed_over_and_other_parts_are_not() {
    let with = |name: &str| {
        Policy::parse(&format!("deny = [\"late\"]\n[{name}]\ndeny = [\"dropped-handle\"]\n"), "p")
    };
    assert_eq!(with("scan").unwrap().level(Class::Late), Level::Deny);
    assert!(with("scam").is_err());
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_empty_policy() {
    let dir = workspace("audit-unreadable");
    let path = dir.join("member").join(POLICY_FILE);
    fs::create_dir(&path).unwrap();
    let error = Policy::load(dir.join("member")).unwrap_err();
    assert_eq!(error.path(), path);
    let said = error.to_string();
    assert!(said.ends_with("panic-audit.toml: is not a regular file; accepted: a file"), "{said}");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"deny = [\"\xff\"]").unwrap();
    let said = Policy::load(dir.join("member")).unwrap_err().to_string();
    assert!(said.contains("panic-audit.toml: cannot be read: stream did not contain valid UTF-8"), "{said}");
}
