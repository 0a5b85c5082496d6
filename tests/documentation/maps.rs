//! The maps of the sources and of the tests are those of the tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::{files, quoted, root, text};

#[test]
fn the_code_map_has_a_row_for_each_folder_of_the_sources_and_no_other() {
    let page = text("docs/architecture.md");
    let map = page.split("\n## Code map").nth(1).expect("the map").split("\n## ").next().unwrap_or_default();
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let folders = std::fs::read_dir(root().join("src")).expect("a directory").flatten();
    let folders = folders.filter(|entry| entry.path().is_dir());
    let folders: BTreeSet<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // A module that is one file may have a row, too.
    let is_file = |name: &str| root().join(format!("src/{name}.rs")).is_file();
    let rows: BTreeSet<String> =
        rows.filter(|name| folders.contains(*name) || !is_file(name)).map(str::to_owned).collect();
    assert_eq!(rows, folders);
}

/// Folders of `src` that a file imports from, those of its tests aside.
fn imports<'a>(code: &str, folders: &'a [&'a str]) -> BTreeSet<&'a str> {
    let code = code.split("\nmod tests {").next().unwrap_or_default();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default(),
            None => rest
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .next()
                .unwrap_or_default(),
        };
        let words = names.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        found.extend(words.filter_map(|word| folders.iter().find(|folder| **folder == word)));
    }
    found
}

#[test]
fn no_folder_imports_from_one_that_comes_after_it_but_for_the_exceptions_of_the_page() {
    let page = text("docs/architecture.md");
    let (_, section) = page.split_once("## Who may import whom").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let (list, table) = section.split_once("\n\nThe order").expect("the order, then what it means");
    let order: Vec<&str> = quoted(list).collect();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let mut exceptions: BTreeSet<(&str, &str)> = rows
        .map(|row| {
            let mut words = quoted(row);
            (words.next().expect("a folder"), words.next().expect("another one"))
        })
        .collect();
    let is_test = |path: &Path| path.to_string_lossy().contains("tests") || path.ends_with("samples.rs");
    let mut seen = 0;
    let mut unused = exceptions.clone();
    for (place, folder) in order.iter().enumerate() {
        for file in files(&root().join("src").join(folder), "rs").iter().filter(|path| !is_test(path)) {
            for imported in imports(&text(file), &order) {
                seen += 1;
                let before = order.iter().position(|one| *one == imported) <= Some(place);
                let named = exceptions.contains(&(*folder, imported));
                unused.remove(&(*folder, imported));
                assert!(before || named, "{}: `{folder}` imports from `{imported}`", file.display());
            }
        }
    }
    exceptions.retain(|exception| unused.contains(exception));
    assert!(exceptions.is_empty(), "exceptions that nobody needs: {exceptions:?}");
    assert!(seen > 300, "the imports of {seen} files and folders");
}

#[test]
fn what_the_invariants_name_exists() {
    let page = text("docs/architecture.md");
    let (_, invariants) = page.split_once("## Invariants").expect("a section");
    let invariants = invariants.split("\n## ").next().unwrap_or_default();
    let mut code = String::new();
    for directory in ["src", "tests/agent", "tests/loom", "agent-demo/tests"] {
        files(&root().join(directory), "rs").iter().for_each(|file| code.push_str(&text(file)));
    }
    code.push_str(&text("tests/probe_events.rs"));
    let (mut tests, mut paths) = (0, 0);
    for word in quoted(invariants) {
        if word.contains('/') {
            assert!(root().join(word).exists(), "there is no `{word}`");
            paths += 1;
        } else if word.matches('_').count() >= 3 {
            let named = [format!("fn {word}("), format!("name: \"{word}\"")];
            assert!(named.iter().any(|name| code.contains(name)), "there is no test `{word}`");
            tests += 1;
        }
    }
    assert!(tests >= 10 && paths >= 5, "{tests} tests, {paths} paths");
}

/// Whether a word between backticks is meant as a path in this repository.
fn is_path(word: &str) -> bool {
    let roots = ["src/", "tests/", "docs/", "cli/", "preload/", "agent-demo/", ".ci/"];
    roots.iter().any(|root| word.starts_with(root)) && !word.contains([' ', '*', '<'])
}

#[test]
fn the_files_that_the_page_for_contributors_names_exist() {
    let page = text("docs/contributing.md");
    let outside_of_blocks: String = page.split("```").step_by(2).collect();
    let paths: Vec<&str> = quoted(&outside_of_blocks).filter(|word| is_path(word)).collect();
    assert!(paths.len() > 40, "{paths:?}");
    for path in paths {
        assert!(root().join(path).exists(), "there is no `{path}`");
    }
}

/// Names of the test binaries in a directory: files, and folders with a `main.rs`.
fn test_binaries(directory: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(directory)).expect("a directory").flatten();
    let paths = entries.map(|entry| entry.path());
    let is_test =
        |path: &PathBuf| path.extension().is_some_and(|is| is == "rs") || path.join("main.rs").is_file();
    let name = |path: PathBuf| path.file_stem().map(|name| name.to_string_lossy().into_owned());
    paths.filter(is_test).filter_map(name).collect()
}

#[test]
fn the_map_of_the_tests_has_every_test_binary() {
    let page = text("tests/README.md");
    let map = page.split("\n## ").next().unwrap_or_default();
    let first = map.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut listed: [BTreeSet<String>; 3] = Default::default();
    for cell in first {
        let place = ["`agent-demo`: ", "`cli`: "].iter().position(|package| cell.starts_with(package));
        let names = cell.split_once(": ").map_or(cell, |(_, names)| names);
        let names = quoted(names).filter(|name| !name.contains('-') && *name != "src").map(str::to_owned);
        listed[place.map_or(0, |place| place + 1)].extend(names);
    }
    let directories = ["tests", "agent-demo/tests", "cli/tests"];
    assert_eq!(listed, directories.map(test_binaries));
}
