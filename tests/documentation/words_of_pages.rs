//! Words of pages and of tables are those of the schema.

use crate::{files, quoted, root, text, words};

/// Code of the tests of a suite, as the table of words calls it.
fn suite(name: &str) -> String {
    let roots = match name {
        "unit" => vec![root().join("src")],
        "scenario" | "matrix" => vec![root().join("agent-demo/tests").join(name)],
        _ => ["tests", "cli/tests"].iter().map(|tests| root().join(tests).join(name)).collect(),
    };
    let mut code = String::new();
    for path in roots {
        if path.is_dir() {
            files(&path, "rs").iter().for_each(|file| code.push_str(&text(file)));
        } else if path.with_extension("rs").is_file() {
            code.push_str(&text(path.with_extension("rs")));
        }
    }
    assert!(!code.is_empty(), "there is no suite `{name}`");
    code
}

#[test]
fn each_word_that_no_scenario_produces_has_a_test_that_exists_and_few_have_none() {
    let exceptions = words::exceptions();
    let mut without = 0;
    for exception in &exceptions {
        let words::Exception { list, word, suite: of, test } = exception;
        assert!(words::page().lists[list].contains(word), "docs/record-schema.md: `{word}` of `{list}`");
        if of == "none" {
            without += 1;
            continue;
        }
        let code = suite(of);
        let named = [format!("fn {test}("), format!("\"{test}\""), format!("{test},\n")];
        assert!(named.iter().any(|name| code.contains(name)), "there is no test `{test}` in `{of}`");
        // Who reads real lines finds the word itself. Words of a type have the name of a variant in tests.
        let variant: String = word.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        let says = code.contains(word.as_str()) || code.contains(&variant) || code.contains("words::");
        assert!(says || of == "unit", "`{of}` does not name `{word}`");
    }
    assert!(exceptions.len() > 50 && without <= 7, "{} words, {without} without a test", exceptions.len());
}

#[test]
fn the_page_on_verdicts_uses_no_word_that_the_schema_does_not_list() {
    let page = text("docs/verdicts.md");
    let lists = &words::page().lists;
    let listed = |word: &str| lists.values().any(|words| words.contains(word));
    // Names of fields, and of what a program calls.
    let schema = text("docs/record-schema.json");
    let other = [
        "_exit",
        "block_on",
        "call_once_force",
        "catch_unwind",
        "downcast_ref",
        "is_err",
        "is_panic",
        "join_next",
        "payload_types_full",
        "payloads_unidentified",
        "resume_unwind",
        "soft_errors",
    ];
    let mut seen = 0;
    for word in quoted(&page).filter(|word| words::is_word(word) && word.contains('_')) {
        let is_field = schema.contains(&format!("\"{word}\"")) || schema.contains(&format!("{word}\":"));
        // Names of functions in the table of scenarios are those of the demo.
        let is_place =
            page.contains(&format!("received at `{word}`")) || page.contains(&format!("read at `{word}`"));
        assert!(listed(word) || is_field || is_place || other.contains(&word), "`{word}`");
        seen += usize::from(listed(word));
    }
    // The cells of the table have words without quotation: `caught (user), received at ..`.
    let cells = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains(" ("))
        .flat_map(|row| row.split(" | ").skip(2));
    for cell in cells {
        let (fate, rest) = cell.split_once(" (").unwrap_or((cell, ""));
        if words::is_word(fate) && rest.contains(')') {
            let by = rest.split(')').next().unwrap_or_default();
            assert!(lists["panic.fate"].contains(fate), "`{fate}`: {cell}");
            assert!(listed(by), "`{by}`: {cell}");
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen} words");
}
