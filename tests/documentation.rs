//! Holds the documentation to the code: variables and options, the example of the README, links, and the maps.
//!
//! Runs on: the test harness. Must not: run the agent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PREFIX: &str = "PANIC_AGENT";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every word of a text that is the name of a variable of the agent.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        // `PANIC_AGENT_*` stands for all of them.
        .filter(|word| word.starts_with(PREFIX) && !word.ends_with('_'))
        .collect()
}

/// The variables that the agent reads.
fn read_by_the_agent(code: &str) -> BTreeSet<&str> {
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    let names = code.lines().filter_map(|line| line.trim().strip_prefix("name: \""));
    names.filter_map(|rest| rest.split('"').next()).collect()
}

/// Names of variables that stand between quotation marks, as constants and arguments do.
fn constants(code: &str) -> impl Iterator<Item = &str> {
    code.split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| text.starts_with(PREFIX) && variables(text).contains(text))
}

/// Files below a directory with this extension.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|is| is == extension) {
            found.push(path);
        }
    }
    found
}

/// The rows of the table under a heading, without its head. A table that is not there has none.
fn table<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let section = page.split_once(&format!("\n{heading}\n")).map_or("", |(_, after)| after);
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter(|line| line.starts_with('|')).skip(2).collect()
}

/// The options of the builder: its public methods that take and return it.
fn options(code: &str) -> BTreeSet<&str> {
    let shown = code.split("#[doc(hidden)]").enumerate().map(|(part, code)| match part {
        0 => code,
        _ => code.split_once("pub fn ").map_or("", |(_, after)| after),
    });
    let methods = shown.flat_map(str::lines).filter_map(|line| line.trim().strip_prefix("pub fn "));
    methods
        .filter_map(|method| method.split(['(', '<']).next())
        .filter(|name| !["builder", "install"].contains(name))
        .collect()
}

#[test]
fn the_table_of_options_has_exactly_the_variables_that_the_agent_reads() {
    let (page, code) = (text("docs/configuration.md"), text("src/config/env.rs"));
    let rows = table(&page, "## Options");
    assert!(!rows.is_empty(), "docs/configuration.md has no table of options");
    let read = read_by_the_agent(&code);
    assert!(read.len() >= 10 && read.contains(PREFIX), "{read:?}");
    assert_eq!(variables(&rows.concat()), read);
    // Elsewhere a second table could say something else.
    let readme = text("README.md");
    assert!(
        !readme.lines().any(|line| line.starts_with("| `") && line.contains(PREFIX)),
        "a table in the README"
    );
}

#[test]
fn the_table_of_options_has_exactly_the_options_of_the_builder() {
    let (page, code) = (text("docs/configuration.md"), text("src/agent/builder.rs"));
    let rows = table(&page, "## Options");
    let first = rows.iter().map(|row| row.split(" | ").next().unwrap_or_default());
    let named: BTreeSet<&str> = first.flat_map(quoted).collect();
    let options = options(&code);
    assert!(options.len() >= 15 && options.contains("max_frames"), "{options:?}");
    assert_eq!(named, options);
}

#[test]
fn no_page_names_a_variable_that_the_agent_does_not_read() {
    let (code, audit) = (text("src/config/env.rs"), text("src/config/audit_env.rs"));
    let mut read = read_by_the_agent(&code);
    read.extend(read_by_the_agent(&audit));
    let tools = ["cli/src", "preload/src"].map(|tool| files(&root().join(tool), "rs"));
    let tools: Vec<String> = tools.iter().flatten().map(text).collect();
    read.extend(tools.iter().flat_map(|code| constants(code)));
    let mut pages = files(&root().join("docs"), "md");
    pages.push(root().join("README.md"));
    for page in pages {
        let page_text = text(&page);
        let unknown: Vec<_> = variables(&page_text).difference(&read).copied().collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", page.display());
    }
}

#[test]
fn the_table_of_the_page_on_audits_has_exactly_the_variables_that_the_audit_reads() {
    let (page, code) = (text("docs/auditing.md"), text("src/config/audit_env.rs"));
    let rows: String = page.lines().filter(|line| line.starts_with('|')).collect();
    let read = read_by_the_agent(&code);
    assert!(read.len() >= 6 && read.contains("PANIC_AGENT_AUDIT"), "{read:?}");
    assert_eq!(variables(&rows), read);
}

#[test]
fn every_wrapper_of_the_table_occurs_in_an_example_of_its_page() {
    let page = text("docs/wrappers.md");
    // Blocks of code are every second part; those of Rust begin with their language.
    let examples: String =
        page.split("```").skip(1).step_by(2).filter(|block| block.starts_with("rust")).collect();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| situation"));
    let mut wrappers = BTreeSet::new();
    for row in rows {
        let named = row.split(" | ").nth(1).expect("a second column");
        for name in named.split('`').skip(1).step_by(2) {
            let name = name.trim_start_matches('.').split('(').next().unwrap_or_default();
            let name = name.rsplit("::").next().unwrap_or_default();
            assert!(examples.contains(name), "no example has `{name}`: {row}");
            wrappers.insert(name.to_owned());
        }
    }
    assert!(wrappers.len() > 12, "{wrappers:?}");
}

#[test]
fn the_readme_shows_the_example_that_can_be_run() {
    let (readme, example) = (text("README.md"), text("docs/examples/install.rs"));
    let shown = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let (_, code) = example.split_once("\n\n").expect("a header and the code");
    assert_eq!(shown, Some(code));
}

#[test]
fn the_readme_lists_every_example_and_the_manifest_builds_it() {
    let (readme, manifest) = (text("README.md"), text("Cargo.toml"));
    let examples = files(&root().join("docs/examples"), "rs");
    assert!(examples.len() >= 6, "{examples:?}");
    for example in examples {
        let name = example.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert!(readme.contains(&format!("[`{name}`](docs/examples/{name}.rs)")), "the README lacks {name}");
        let entry = format!("[[example]]\nname = \"{name}\"\npath = \"docs/examples/{name}.rs\"\n");
        assert!(manifest.contains(&entry), "Cargo.toml lacks {name}");
    }
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let letters = heading.trim().to_lowercase();
    letters
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading_that_are_there() {
    let mut pages = files(&root().join("docs"), "md");
    pages.extend([root().join("README.md"), root().join("tests/README.md")]);
    let mut links = 0;
    for page in pages {
        let page_text = text(&page);
        for link in page_text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            let there = || {
                text(&target)
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading)
            };
            assert!(heading.is_empty() || there(), "{}: {link}", page.display());
            links += 1;
        }
    }
    assert!(links > 50, "{links}");
}

/// What a text has between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_code_map_has_a_row_for_each_folder_of_the_sources_and_no_other() {
    let page = text("docs/architecture.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
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
    for directory in ["src", "tests/agent", "agent-demo/tests"] {
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
    let first = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
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
