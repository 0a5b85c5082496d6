//! Variables and options are those of the code.

use std::collections::BTreeSet;

use crate::{files, quoted, root, table, text};

const PREFIX: &str = "PANIC_AGENT";

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
    let lines = code.lines().map(str::trim).filter(|line| line.starts_with("\"PANIC_AGENT"));
    lines.filter_map(|line| line.split('"').nth(1)).collect()
}

/// Names of variables that stand between quotation marks, as constants and arguments do.
fn constants(code: &str) -> impl Iterator<Item = &str> {
    code.split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| text.starts_with(PREFIX) && variables(text).contains(text))
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
        .filter(|name| !["builder", "init", "install"].contains(name))
        .collect()
}

#[test]
fn the_table_of_options_has_exactly_the_variables_that_the_agent_reads() {
    let (page, code) = (text("docs/configuration.md"), text("src/config/options.rs"));
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
    let (code, audit) = (text("src/config/options.rs"), text("src/config/audit_env.rs"));
    let mut read = read_by_the_agent(&code);
    read.extend(read_by_the_agent(&audit));
    let tools = ["cli/src", "cli/tests/ship", "preload/src"].map(|tool| files(&root().join(tool), "rs"));
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
