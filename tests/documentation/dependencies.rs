//! The table of the README that counts what a build brings along, against `cargo tree`.

use std::collections::BTreeSet;
use std::process::Command;

use super::{quoted, root, table, text};

/// Crates of other people in a build for Linux, those of build scripts and tests aside.
fn crates(package: &str, features: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none"]);
    tree.args(["--target", "x86_64-unknown-linux-gnu", "--format", "{p}"]).current_dir(root());
    if features != ["default"] {
        tree.args(["--no-default-features", "--features", &features.join(",")]);
    }
    let output = tree.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("a text");
    // Our own have a path, and what stands there already has a star.
    let lines = lines.lines().filter(|line| !line.contains("(/"));
    lines.map(|line| line.trim_end_matches(" (*)").trim_end_matches(" (proc-macro)").to_owned()).collect()
}

#[test]
fn the_readme_counts_the_crates_that_each_feature_brings_along() {
    let readme = text("README.md");
    let mut seen = BTreeSet::new();
    for row in table(&readme, "### What a build brings along") {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [package, features, count] = cells[..] else { panic!("`{row}` has three columns") };
        let package = match quoted(package).next() {
            Some("panic-agent") => "panic-agent",
            Some("cli") => "panic-agent-cli",
            Some("cli/ship") => "panic-agent-ship",
            other => panic!("{other:?} is no package of the table"),
        };
        let words: Vec<&str> = quoted(features).collect();
        let found = crates(package, &words);
        assert_eq!(count.parse().ok(), Some(found.len()), "{row}: {found:?}");
        seen.extend(words.iter().map(|word| (package, (*word).to_owned())));
    }
    // Every feature that somebody can ask for has a row.
    let manifests = [
        ("panic-agent", "Cargo.toml"),
        ("panic-agent-cli", "cli/Cargo.toml"),
        ("panic-agent-ship", "cli/ship/Cargo.toml"),
    ];
    for (package, manifest) in manifests {
        let manifest = text(manifest);
        let section = manifest.split_once("\n[features]\n").expect("features").1;
        let lines = section.lines().take_while(|line| !line.starts_with('['));
        let names = lines.filter_map(|line| Some(line.split_once(" = ")?.0));
        let is_shown = |name: &&str| readme.contains(&format!("\n| `{name}` ")) || package != "panic-agent";
        let mut names = names.filter(|name| !name.starts_with('#')).filter(is_shown).peekable();
        assert!(names.peek().is_some(), "{package} has features");
        for name in names {
            assert!(seen.contains(&(package, name.to_owned())), "no row has `{name}` of {package}");
        }
    }
}
