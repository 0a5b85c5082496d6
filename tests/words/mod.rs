//! Words of enumerated fields: those that real lines have, against those that `docs/record-schema.md` lists.
//!
//! Suites whose programs write lines include this file and give it every line that they read: a word that the page does not
//! list fails the test that read it. A suite that has run as a whole then asks whether every word that it is meant to produce
//! came. `tests/README.md` says which suite that is; all others are those of the scenarios.
//!
//! Runs on: threads that judge. Must not: take a word from the sources in place of a line.
#![allow(dead_code, unreachable_pub, reason = "each suite uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;

const SCHEMA: &str = include_str!("../../docs/record-schema.md");
const TESTS: &str = include_str!("../README.md");
/// The heading of the table of exceptions in `tests/README.md`.
const ELSEWHERE: &str = "## Words that no scenario produces";

/// What a list of words is called: `kind.field`, as the page spells them, or `field` where it is in every line.
pub type List = String;

/// The lists of the page, and which of them a field of a line uses.
pub struct Page {
    /// Words by list.
    pub lists: BTreeMap<List, BTreeSet<String>>,
    /// The lists of a field, by kind and path. The first is the field's own.
    fields: BTreeMap<(String, String), Vec<List>>,
}

/// A word that no scenario produces.
#[derive(Debug)]
pub struct Exception {
    pub list: List,
    pub word: String,
    /// The suite that produces it; empty where no process of a test does.
    pub suite: String,
    /// The test that does, or that tests the word alone.
    pub test: String,
}

static PAGE: LazyLock<Page> = LazyLock::new(Page::read);
static NOTED: Mutex<BTreeSet<(List, String)>> = Mutex::new(BTreeSet::new());

pub fn page() -> &'static Page {
    &PAGE
}

/// Whether a text can be a word of a field.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The cell without what stands in parentheses, and without the sentences behind `Null:`.
fn plain(cell: &str) -> String {
    let cell = cell.split("Null:").next().unwrap_or_default();
    let mut depth = 0_usize;
    let mut text = String::new();
    for letter in cell.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => text.push(letter),
            _ => {}
        }
    }
    text
}

/// The first words of the rows of the tables under a heading of the third order.
fn table(section: &str, heading: &str) -> BTreeSet<String> {
    let (_, rest) =
        section.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no `{heading}`"));
    let rest = rest.split("\n#").next().unwrap_or_default();
    let rows = rest.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let words: BTreeSet<String> = rows.filter(|word| is_word(word)).map(str::to_owned).collect();
    assert!(!words.is_empty(), "`{heading}` has no words");
    words
}

impl Page {
    fn read() -> Self {
        let mut page = Self { lists: BTreeMap::new(), fields: BTreeMap::new() };
        let mut common = Vec::new();
        let mut as_in = Vec::new();
        for section in SCHEMA.split("\n## ").skip(1) {
            let title = section.lines().next().unwrap_or_default().trim_matches('`').to_owned();
            let kind = if title == "Fields of every line" { String::new() } else { title };
            let head = section.split("\n### ").next().unwrap_or_default();
            for row in head.lines().filter(|line| line.starts_with("| `")) {
                let cells: Vec<&str> = row.trim_matches(['|', ' ']).splitn(3, " | ").collect();
                let [field, of, meaning] = cells[..] else { panic!("a row of three cells: {row}") };
                if !of.contains(", open") {
                    continue;
                }
                let field = field.trim_matches('`').to_owned();
                let list = if kind.is_empty() { field.clone() } else { format!("{kind}.{field}") };
                if let Some(other) = meaning.strip_prefix("As in `") {
                    let other = other.split('`').next().unwrap_or_default();
                    let last = field.rsplit('.').next().unwrap_or_default();
                    // `As in panic lines` is the same field of that kind, else a field of a panic line is named.
                    let target = match other {
                        "panic" => format!("panic.{field}"),
                        _ => format!("panic.{other}.{last}"),
                    };
                    as_in.push((kind.clone(), field, target));
                    continue;
                }
                let words = plain(meaning);
                let words = quoted(&words).filter(|word| is_word(word)).map(str::to_owned).collect();
                page.lists.insert(list.clone(), words);
                let mut lists = vec![list];
                match (kind.as_str(), field.as_str()) {
                    ("panic", "prediction.action") => lists = vec!["panic.frames[].action".to_owned()],
                    (
                        "panic",
                        "prediction.reason"
                        | "relation"
                        | "receipt"
                        | "test.reason"
                        | "evidence.rule"
                        | "evidence.seen[].what",
                    ) => {
                        page.extend(&lists[0], table(section, &format!("Words of `{field}`")));
                    }
                    ("panic", "reason") => {
                        page.extend(&lists[0], table(section, "Words of `reason` that no prediction uses"));
                        lists.extend(
                            ["panic.prediction.abort_reason", "panic.prediction.reason"].map(str::to_owned),
                        );
                    }
                    ("process", "soft_errors[].code") => {
                        page.extend(&lists[0], table(section, "Why there is no spool file"));
                        page.extend(&lists[0], table(section, "Why a probe is off"));
                    }
                    ("death", "cause") => page.extend(&lists[0], table(section, "Causes of a death")),
                    ("finding", "code") => page.extend(&lists[0], table(section, "Words of `code`")),
                    _ => {}
                }
                if kind.is_empty() {
                    common.push((field, lists));
                } else {
                    page.fields.insert((kind.clone(), field), lists);
                }
            }
        }
        page.lists.remove("panic.prediction.action");
        for (kind, field, target) in as_in {
            let (of, path) = target.split_once('.').unwrap_or_default();
            let lists = page.fields.get(&(of.to_owned(), path.to_owned()));
            let lists =
                lists.unwrap_or_else(|| panic!("`{kind}`, `{field}`: there is no `{target}`")).clone();
            page.fields.insert((kind, field), lists);
        }
        let kinds: Vec<String> = page.lists["kind"].iter().cloned().collect();
        for kind in kinds {
            for (field, lists) in &common {
                page.fields.insert((kind.clone(), field.clone()), lists.clone());
            }
        }
        for (list, words) in &page.lists {
            assert!(!words.is_empty(), "`{list}` has no words");
        }
        page
    }

    fn extend(&mut self, list: &str, words: BTreeSet<String>) {
        self.lists.entry(list.to_owned()).or_default().extend(words);
    }

    /// The list that has this word of a field.
    fn list(&self, kind: &str, path: &str, word: &str) -> Option<Result<&List, String>> {
        let lists = self.fields.get(&(kind.to_owned(), path.to_owned()))?;
        let found = lists.iter().find(|list| self.lists[*list].contains(word));
        Some(
            found.ok_or_else(|| {
                format!("docs/record-schema.md does not list `{word}` for `{path}` in `{kind}`")
            }),
        )
    }
}

fn walk(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(value, &inner, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, &format!("{path}[]"), found)),
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        _ => {}
    }
}

/// Takes up the words of a line.
///
/// # Panics
/// For a word that the page does not list.
#[track_caller]
pub fn note(line: &Value) {
    let kind = line["kind"].as_str().unwrap_or_default();
    assert!(
        page().lists["kind"].contains(kind),
        "docs/record-schema.md does not list the kind `{kind}`: {line}"
    );
    let mut found = Vec::new();
    walk(line, "", &mut found);
    let words = found.into_iter().filter_map(|(path, word)| Some((page().list(kind, &path, &word)?, word)));
    let words: Vec<_> = words
        .map(|(list, word)| (list.unwrap_or_else(|error| panic!("{error}: {line}")).clone(), word))
        .collect();
    NOTED.lock().unwrap_or_else(PoisonError::into_inner).extend(words);
}

/// Takes up the words of every whole line of a file; one that is not there has none.
#[track_caller]
pub fn note_file(file: &Path) {
    note_text(&std::fs::read(file).unwrap_or_default());
}

/// Takes up the words of every whole line in a text.
#[track_caller]
pub fn note_text(text: &[u8]) {
    for line in text.split(|byte| *byte == b'\n') {
        // What a test itself puts into a log has no schema.
        if let Ok(line) = serde_json::from_slice::<Value>(line)
            && line.get("schema").is_some()
        {
            note(&line);
        }
    }
}

/// The words that came in this process so far.
pub fn noted() -> BTreeSet<(List, String)> {
    NOTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The rows of the table of exceptions.
pub fn exceptions() -> Vec<Exception> {
    let (_, section) = TESTS.split_once(ELSEWHERE).expect("the table of exceptions");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let mut exceptions = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [field, words, _why, test] = cells[..] else { panic!("a row of four cells: {row}") };
        let list = field.trim_matches('`').to_owned();
        let test = test.trim_matches('`');
        let (suite, test) = test.split_once(": ").unwrap_or((test, ""));
        for word in quoted(words) {
            exceptions.push(Exception {
                list: list.clone(),
                word: word.to_owned(),
                suite: suite.to_owned(),
                test: test.to_owned(),
            });
        }
    }
    assert!(!exceptions.is_empty(), "the table of exceptions has no rows");
    exceptions
}

fn pair(of: &Exception) -> (List, String) {
    (of.list.clone(), of.word.clone())
}

/// Asserts that the words which the table gives to this test came. At the end of the test.
#[track_caller]
pub fn came(suite: &str, test: &str) {
    let came = noted();
    let of_this: Vec<_> =
        exceptions().into_iter().filter(|one| one.suite == suite && one.test == test).collect();
    assert!(!of_this.is_empty(), "the table of exceptions has no row for `{suite}: {test}`");
    let missing: Vec<_> = of_this.iter().filter(|one| !came.contains(&pair(one))).collect();
    assert!(missing.is_empty(), "these words did not come: {missing:?}");
}

/// After a whole suite: asserts that the words which the table gives to any of its tests came. A part of a suite is not asked.
pub fn after(suite: &str, is_whole: bool) {
    show();
    if !is_whole {
        return println!("SKIPPED: which words came is asked when all tests have run");
    }
    let came = noted();
    let of_this: Vec<_> = exceptions().into_iter().filter(|one| one.suite == suite).collect();
    assert!(!of_this.is_empty(), "the table of exceptions has no row for `{suite}`");
    let missing: Vec<_> = of_this.iter().filter(|one| !came.contains(&pair(one))).collect();
    assert!(missing.is_empty(), "these words did not come: {missing:#?}");
}

/// With `AGENT_WORDS=1`, prints the words that came: for whoever looks for the suite that produces one.
fn show() {
    if std::env::var_os("AGENT_WORDS").is_some() {
        noted().iter().for_each(|(list, word)| println!("word {list} {word}"));
    }
}

/// What is wrong after all scenarios: words that did not come and that no row of the table gives to another suite, and rows
/// whose word the page does not list.
pub fn after_all_scenarios() -> Vec<String> {
    show();
    let (came, exceptions) = (noted(), exceptions());
    assert!(!came.is_empty(), "no line was read");
    let elsewhere: BTreeSet<_> = exceptions.iter().map(pair).collect();
    let mut wrong = Vec::new();
    for (list, words) in &page().lists {
        for word in words {
            let one = (list.clone(), word.clone());
            // A word of the table may come here as well, by chance, on a busy machine.
            if !came.contains(&one) && !elsewhere.contains(&one) {
                wrong.push(format!("no scenario produces `{word}` of `{list}`"));
            }
        }
    }
    for (list, word) in elsewhere {
        if !page().lists.get(&list).is_some_and(|words| words.contains(&word)) {
            wrong.push(format!("docs/record-schema.md does not list `{word}` of `{list}`"));
        }
    }
    wrong
}
