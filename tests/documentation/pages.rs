//! Examples and links of the pages lead where they say.

use std::collections::BTreeSet;

use crate::{files, root, text};

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
