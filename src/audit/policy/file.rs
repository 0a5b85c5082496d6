//! Reads `panic-audit.toml`.
//!
//! Runs on: threads that audit. Must not: panic, or take what it does not understand for something else.

use core::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::error::PolicyError;
use super::expect::{Expect, Pattern};
use crate::audit::{Class, Level};

/// What a file says.
#[derive(Clone, Debug, Default)]
pub(super) struct FilePolicy {
    pub(super) levels: Vec<(Class, Level)>,
    pub(super) expects: Vec<Expect>,
    pub(super) strict_entries: Option<bool>,
    /// As written; relative to the file's directory.
    pub(super) baseline: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    deny: Vec<Spanned<String>>,
    #[serde(default)]
    warn: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    strict_entries: Option<bool>,
    baseline: Option<Spanned<String>>,
    #[serde(default)]
    expect: Vec<Spanned<RawExpect>>,
    /// The part of `panic-agent scan`, which reads it itself.
    #[serde(default, rename = "scan")]
    _scan: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpect {
    class: Option<Spanned<String>>,
    test: Option<Spanned<String>>,
    function: Option<Spanned<String>>,
    file: Option<Spanned<String>>,
    message: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
}

/// What is accepted at the top of the file and in an entry.
const KEYS: &str = "deny, warn, allow, strict_entries, baseline, [[expect]], [scan]";
const ENTRY_KEYS: &str = "class, test, function, file, message, reason";
/// What is accepted as the pattern of a name and of a path.
const NAME: &str = "a glob, or `/regular expression/`";
const PATH: &str = "a glob of paths, such as `src/pool/**`";

pub(super) fn parse(text: &str, path: &Path) -> Result<FilePolicy, PolicyError> {
    let source = Source { text, path };
    let raw: Raw = toml::from_str(text).map_err(|error| source.toml_error(&error))?;
    let mut read = FilePolicy { strict_entries: raw.strict_entries, ..FilePolicy::default() };
    for (key, level, words) in [
        ("deny", Level::Deny, &raw.deny),
        ("warn", Level::Warn, &raw.warn),
        ("allow", Level::Allow, &raw.allow),
    ] {
        for word in words {
            let class = source.class(word, key)?;
            if let Some((_, before)) = read.levels.iter().find(|(known, _)| *known == class) {
                let problem = format!("`{class}` is already listed under `{before}`");
                return Err(source.error(&word.span(), problem).key(key).accepted("each class once"));
            }
            read.levels.push((class, level));
        }
    }
    if let Some(baseline) = raw.baseline {
        if baseline.get_ref().is_empty() {
            let error = source.error(&baseline.span(), "the path is empty").key("baseline");
            return Err(error.accepted("the path of a file, relative to this one"));
        }
        read.baseline = Some(PathBuf::from(baseline.into_inner()));
    }
    for entry in raw.expect {
        read.expects.push(source.expect(entry)?);
    }
    Ok(read)
}

/// The text, for places in it.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn error(&self, at: &Range<usize>, problem: impl Into<String>) -> PolicyError {
        PolicyError::new(self.path, problem).at_line(self.line(at.start))
    }

    /// From 1.
    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset.min(self.text.len())).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// An error of the parser, or of a type or key that does not fit.
    fn toml_error(&self, error: &toml::de::Error) -> PolicyError {
        let problem = error.message().replace('\n', ", ");
        let Some(at) = error.span() else { return PolicyError::new(self.path, problem) };
        let key = key_before(self.text, at.end);
        let in_entry = self.text.get(..at.start).is_some_and(|before| before.contains("[[expect]]"));
        let accepted = match (problem.contains("unknown field"), in_entry) {
            // The message lists the keys itself.
            (true, _) => "",
            (false, true) => ENTRY_KEYS,
            (false, false) => KEYS,
        };
        let error = self.error(&at, problem).accepted(accepted);
        match key {
            Some(key) => error.key(if in_entry { format!("expect.{key}") } else { key }),
            None => error,
        }
    }

    fn class(&self, word: &Spanned<String>, key: &str) -> Result<Class, PolicyError> {
        Class::from_word(word.get_ref()).ok_or_else(|| {
            let problem = format!("`{}` is not a class", word.get_ref());
            self.error(&word.span(), problem).key(key).accepted(Class::words())
        })
    }

    fn expect(&self, entry: Spanned<RawExpect>) -> Result<Expect, PolicyError> {
        let at = entry.span();
        let RawExpect { class, test, function, file, message, reason } = entry.into_inner();
        if [&class, &test, &function, &file, &message].iter().all(|condition| condition.is_none()) {
            let error = self.error(&at, "an entry without a condition would hide every finding");
            return Err(error.key("expect").accepted("at least one of class, test, function, file, message"));
        }
        let reason = match reason {
            Some(reason) if !reason.get_ref().trim().is_empty() => reason.into_inner(),
            given => {
                let at = given.map_or(at, |given| given.span());
                let error = self.error(&at, "the entry gives no reason").key("expect.reason");
                return Err(error.accepted("a sentence that says why these findings are no mistake"));
            }
        };
        Ok(Expect {
            class: class.map(|word| self.class(&word, "expect.class")).transpose()?,
            test: self.pattern(test, "expect.test", NAME, Pattern::name)?,
            function: self.pattern(function, "expect.function", NAME, Pattern::name)?,
            file: self.pattern(file, "expect.file", PATH, Pattern::path)?,
            message: self.pattern(message, "expect.message", "a regular expression", Pattern::text)?,
            reason,
            path: self.path.to_owned(),
            line: self.line(at.start),
        })
    }

    fn pattern(
        &self,
        given: Option<Spanned<String>>,
        key: &str,
        accepted: &str,
        read: impl Fn(&str) -> Result<Pattern, String>,
    ) -> Result<Option<Pattern>, PolicyError> {
        let Some(given) = given else { return Ok(None) };
        let read = read(given.get_ref());
        read.map(Some).map_err(|problem| self.error(&given.span(), problem).key(key).accepted(accepted))
    }
}

/// The key whose value ends at an offset, or that stands there: that of the last line before it that begins with one.
fn key_before(text: &str, offset: usize) -> Option<String> {
    let line_end = text.get(offset..)?.find('\n').map_or(text.len(), |at| offset + at);
    text.get(..line_end)?.lines().rev().find_map(|line| {
        let (key, _) = line.trim_start().split_once('=')?;
        let key = key.trim().trim_matches(['"', '\'']);
        let bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        (!key.is_empty() && key.chars().all(bare)).then(|| key.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, Path::new("a/panic-audit.toml")).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = r#"
            deny = ["received"]
            warn = ["late"]
            allow = ["swallowed"]
            strict_entries = true
            baseline = "audit.json"

            [[expect]]
            class = "silent_death"
            test = "tests::pool::*"
            function = "/^billing::/"
            file = "src/pool.rs"
            message = "shutting down$"
            reason = "the pool kills its workers"

            [[expect]]
            class = "harness_end"
            reason = "the server is never stopped"
        "#;
        let read = parse(text, Path::new("panic-audit.toml")).unwrap();
        assert_eq!(
            read.levels,
            [(Class::Received, Level::Deny), (Class::Late, Level::Warn), (Class::Swallowed, Level::Allow)]
        );
        assert_eq!((read.strict_entries, read.baseline), (Some(true), Some(PathBuf::from("audit.json"))));
        assert_eq!(read.expects.iter().map(|expect| expect.line).collect::<Vec<_>>(), [8, 16]);
        assert_eq!(read.expects[1].reason, "the server is never stopped");
        assert!(parse("", Path::new("x")).unwrap().levels.is_empty());
    }

    #[test]
    fn each_bad_input_names_file_line_key_and_what_is_accepted() {
        let classes = Class::words();
        assert_eq!(
            error("\ndeny = [\n  \"late\",\n  \"lat\",\n]"),
            format!("a/panic-audit.toml:4: `deny`: `lat` is not a class; accepted: {classes}")
        );
        assert_eq!(
            error("deny = [\"late\"]\nwarn = [\"late\"]"),
            "a/panic-audit.toml:2: `warn`: `late` is already listed under `deny`; accepted: each class once"
        );
        assert_eq!(
            error("[[expect]]\nclass = \"Late\"\nreason = \"x\""),
            format!("a/panic-audit.toml:2: `expect.class`: `Late` is not a class; accepted: {classes}")
        );
        let no_reason = "a/panic-audit.toml:3: `expect.reason`: the entry gives no reason; accepted: a sentence that \
                         says why these findings are no mistake";
        for text in ["deny = []\n\n[[expect]]\ntest = \"a\"", "[[expect]]\ntest = \"a\"\nreason = \" \""] {
            assert_eq!(error(text), no_reason);
        }
        assert_eq!(
            error("[[expect]]\nreason = \"all of them\""),
            "a/panic-audit.toml:1: `expect`: an entry without a condition would hide every finding; accepted: at \
             least one of class, test, function, file, message"
        );
        assert_eq!(
            error("[[expect]]\nmessage = \"(\"\nreason = \"x\""),
            "a/panic-audit.toml:2: `expect.message`: not a regular expression: unclosed group; accepted: a regular \
             expression"
        );
        assert_eq!(
            error("[[expect]]\nreason = \"x\"\ntest = \"/[/\""),
            "a/panic-audit.toml:3: `expect.test`: not a regular expression: unclosed character class; accepted: a \
             glob, or `/regular expression/`"
        );
        assert!(
            error("[[expect]]\nfunction = \"\"\nreason = \"x\"").contains(":2: `expect.function`: an empty")
        );
        assert!(error("[[expect]]\nfile = \"[\"\nreason = \"x\"").contains(":2: `expect.file`: not a glob"));
        assert_eq!(
            error("baseline = \"\""),
            "a/panic-audit.toml:1: `baseline`: the path is empty; accepted: the path of a file, relative to this one"
        );
    }

    #[test]
    fn what_toml_itself_finds_has_line_and_key_too() {
        assert_eq!(
            error("\n\ndenied = [\"late\"]"),
            "a/panic-audit.toml:3: `denied`: unknown field `denied`, expected one of `deny`, `warn`, `allow`, \
             `strict_entries`, `baseline`, `expect`, `scan`"
        );
        assert_eq!(
            error("[[expect]]\nthread = \"a\"\nreason = \"x\""),
            "a/panic-audit.toml:2: `expect.thread`: unknown field `thread`, expected one of `class`, `test`, \
             `function`, `file`, `message`, `reason`"
        );
        assert_eq!(
            error("deny = \"late\""),
            format!(
                "a/panic-audit.toml:1: `deny`: invalid type: string \"late\", expected a sequence; accepted: {KEYS}"
            )
        );
        assert_eq!(
            error("strict_entries = 1"),
            format!(
                "a/panic-audit.toml:1: `strict_entries`: invalid type: integer `1`, expected a boolean; accepted: \
                 {KEYS}"
            )
        );
        let unfinished = error("deny = [");
        assert!(unfinished.starts_with("a/panic-audit.toml:1: `deny`: "), "{unfinished}");
        let twice = error("deny = []\ndeny = []");
        assert!(twice.starts_with("a/panic-audit.toml:2: `deny`: duplicate key"), "{twice}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(?s).{0,200}") {
            _ = parse(&text, Path::new("x"));
        }

        #[test]
        fn no_text_that_looks_like_a_policy_makes_it_panic(
            text in "((deny|warn|expect|\\[\\[expect\\]\\]|test|message|reason|=|\\[|\\]|\"|late|\\(|/|\\*|é|\n| ){0,40})"
        ) {
            _ = parse(&text, Path::new("x"));
        }
    }
}
