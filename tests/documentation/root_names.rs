//! Few names stand on the root of the crate.

use crate::{files, root, text};

/// Most names that a reader meets on the root of the crate.
const ROOT: usize = 45;

/// Items of a source file with their attributes: what stands between two that end in `;` or `}` at its left border.
fn items(code: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        if let Some(item) = items.last_mut() {
            item.push_str(line.trim());
            item.push('\n');
        }
        if line.ends_with(';') || line.starts_with('}') {
            items.push(String::new());
        }
    }
    items
}

/// Whether an item is shown to users.
fn is_shown(item: &str) -> bool {
    !["#[doc(hidden)]", "#[cfg(test)]", "#[cfg(doctest)]"].iter().any(|attribute| item.contains(attribute))
}

/// Names that one item adds to the root.
fn names(item: &str) -> Vec<String> {
    let Some(public) = item.lines().position(|line| line.starts_with("pub ")) else { return Vec::new() };
    let item: String = item.lines().skip(public).collect();
    let named = item.trim_end_matches(';');
    if let Some(path) = named.strip_prefix("pub use ") {
        let group = path.split_once('{').map_or(path, |(_, group)| group.trim_end_matches('}'));
        assert!(!group.contains(['*', '{']), "cannot tell which names these are: {item}");
        let name = |path: &str| path.trim().rsplit([' ', ':']).next().unwrap_or_default().to_owned();
        return group.split(',').map(name).filter(|name| !name.is_empty()).collect();
    }
    let words = named.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let kinds = ["const", "enum", "fn", "mod", "static", "struct", "trait", "type", "union"];
    let mut words = words.skip_while(|word| !kinds.contains(word)).skip_while(|word| kinds.contains(word));
    vec![words.next().unwrap_or_else(|| panic!("what is this? {item}")).to_owned()]
}

#[test]
fn names_of_items_are_found() {
    let code = "/// A.\n#[cfg(feature = \"a\")]\npub use crate::a::{\n    B, c as d,\n};\npub mod e;\n\
                #[doc(hidden)]\npub mod f;\nmod g;\npub const fn h() {\n    i();\n}\npub struct J;\n";
    let found: Vec<_> =
        items(code).iter().filter(|item| is_shown(item)).flat_map(|item| names(item)).collect();
    assert_eq!(found, ["B", "d", "e", "h", "J"]);
}

#[test]
fn the_root_of_the_crate_has_few_names() {
    let root_items = items(&text("src/lib.rs"));
    let mut found: Vec<String> =
        root_items.iter().filter(|item| is_shown(item)).flat_map(|item| names(item)).collect();
    assert!(found.contains(&"init".to_owned()) && found.contains(&"record".to_owned()), "{found:?}");
    let mut macros = 0;
    for file in files(&root().join("src"), "rs") {
        let code = text(&file);
        let exported = items(&code).into_iter().filter(|item| item.contains("#[macro_export]"));
        for item in exported.filter(|item| is_shown(item)) {
            let (_, name) = item.split_once("macro_rules! ").expect("a macro");
            found.push(format!("{}!", name.split(' ').next().unwrap_or_default()));
            macros += 1;
        }
    }
    assert!(macros >= 4, "{found:?}");
    found.sort_unstable();
    // A macro and its twin without a feature are one name.
    found.dedup();
    assert!(found.len() <= ROOT, "{} names: {found:#?}", found.len());
}
