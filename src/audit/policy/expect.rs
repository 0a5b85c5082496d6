//! An `[[expect]]` entry and its patterns: findings that somebody has looked at and given a reason for.
//!
//! Runs on: threads that audit. Must not: panic on any pattern or text.

use std::path::PathBuf;

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use crate::audit::Class;
use crate::symbolize::with_slashes;

/// What an entry is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The one that it has, or those that it may have.
    pub(crate) classes: &'a [Class],
    /// `None` when the test is not known.
    pub(crate) test: Option<&'a str>,
    /// Functions on its stack.
    pub(crate) functions: &'a [String],
    /// Where it was raised.
    pub(crate) file: Option<&'a str>,
    pub(crate) message: Option<&'a str>,
}

/// All conditions that are there must hold; there is at least one.
#[derive(Clone, Debug)]
pub(crate) struct Expect {
    pub(crate) class: Option<Class>,
    pub(crate) test: Option<Pattern>,
    pub(crate) function: Option<Pattern>,
    pub(crate) file: Option<Pattern>,
    pub(crate) message: Option<Pattern>,
    pub(crate) reason: String,
    /// Where it stands.
    pub(crate) path: PathBuf,
    pub(crate) line: usize,
}

impl Expect {
    /// `file:line`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.line)
    }

    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        let holds = |pattern: &Option<Pattern>, text: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
        };
        let function = |pattern: &Pattern| {
            subject.functions.iter().any(|name| pattern.matches(name) || pattern.matches(plain(name)))
        };
        self.class.is_none_or(|class| subject.classes.contains(&class))
            && holds(&self.test, subject.test)
            && holds(&self.file, subject.file.map(with_slashes).as_deref())
            && holds(&self.message, subject.message)
            && self.function.as_ref().is_none_or(function)
    }
}

/// The function that a closure stands in; other names as they are.
pub(crate) fn plain(function: &str) -> &str {
    let mut rest = function;
    while let Some((outer, _)) = rest.rsplit_once("::{{closure}}").or_else(|| rest.rsplit_once("::{closure#"))
    {
        rest = outer;
    }
    rest
}

/// A glob, or a regular expression between slashes, that a name or a path may match.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// The whole text; `*` also stands for `::` and `/`.
    Glob(GlobMatcher),
    /// Anywhere in the text.
    Regex(Regex),
}

impl Pattern {
    /// Reads `/regular expression/` or a glob.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn name(text: &str) -> Result<Self, String> {
        match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(inside) => regex(inside).map(Self::Regex),
            None => glob(text).map(Self::Glob),
        }
    }

    /// Reads a glob of paths, which begins with `/` when it is absolute. A relative one matches the end of a path, too,
    /// from any directory on: how the compiler spells a path depends on where it was called.
    pub(crate) fn path(text: &str) -> Result<Self, String> {
        if text.starts_with('/') || text.starts_with("**") {
            return glob(text).map(Self::Glob);
        }
        glob(text)?;
        // Braces join the two without a second matcher.
        glob(&format!("{{{text},**/{text}}}")).map(Self::Glob)
    }

    /// Reads a regular expression.
    pub(crate) fn text(text: &str) -> Result<Self, String> {
        regex(text).map(Self::Regex)
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

fn glob(text: &str) -> Result<GlobMatcher, String> {
    if text.is_empty() {
        return Err("an empty pattern matches nothing".to_owned());
    }
    let glob = GlobBuilder::new(text).literal_separator(false).backslash_escape(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| format!("not a glob: {error}"))
}

fn regex(text: &str) -> Result<Regex, String> {
    if text.is_empty() {
        return Err("an empty regular expression matches everything".to_owned());
    }
    // The error of a regex points at its place with a drawing of several lines; the last one says what is wrong.
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("not a regular expression: {last}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect() -> Expect {
        Expect {
            class: None,
            test: None,
            function: None,
            file: None,
            message: None,
            reason: "it is meant".to_owned(),
            path: PathBuf::from("panic-audit.toml"),
            line: 1,
        }
    }

    #[test]
    fn every_condition_that_is_there_must_hold() {
        let functions = ["billing::pool::run::{{closure}}".to_owned(), "tests::charges".to_owned()];
        let subject = Subject {
            classes: &[Class::Late],
            test: Some("tests::charges"),
            functions: &functions,
            file: Some("src/pool.rs"),
            message: Some("connection 17 lost"),
        };
        let some = |pattern| Some(Pattern::name(pattern).unwrap());
        let right = Expect {
            class: Some(Class::Late),
            test: some("tests::*"),
            function: some("billing::pool::run"),
            file: Some(Pattern::path("pool.rs").unwrap()),
            message: Some(Pattern::text("connection [0-9]+ lost$").unwrap()),
            ..expect()
        };
        assert!(right.matches(&subject));
        assert!(right.matches(&Subject { file: Some(r"src\pool.rs"), ..subject }));
        assert!(!right.matches(&Subject { file: Some(r"src\whirlpool.rs"), ..subject }));
        for wrong in [
            Expect { class: Some(Class::Received), ..right.clone() },
            Expect { test: some("tests"), ..right.clone() },
            Expect { function: some("billing::pool"), ..right.clone() },
            Expect { file: Some(Pattern::path("whirlpool.rs").unwrap()), ..right.clone() },
            Expect { message: Some(Pattern::text("^lost").unwrap()), ..right.clone() },
        ] {
            assert!(!wrong.matches(&subject), "{wrong:?}");
        }
        // What is not known matches no condition.
        let unknown = Subject { test: None, functions: &[], file: None, message: None, ..subject };
        assert!(!right.matches(&unknown));
        assert!(Expect { class: Some(Class::Late), ..expect() }.matches(&unknown));
    }

    #[test]
    fn a_closure_is_found_under_the_name_of_its_function() {
        assert_eq!(plain("a::b::{{closure}}::{{closure}}"), "a::b");
        assert_eq!(plain("a::b::{closure#0}"), "a::b");
        assert_eq!(plain("a::b"), "a::b");
        assert_eq!(plain(""), "");
    }

    #[test]
    fn a_glob_matches_whole_names_and_a_regex_any_part() {
        let matches = |pattern, text| Pattern::name(pattern).unwrap().matches(text);
        assert!(matches("tests::pool::*", "tests::pool::dies"));
        assert!(matches("tests::*dies", "tests::pool::dies"));
        assert!(!matches("pool::*", "tests::pool::dies"));
        assert!(matches("/pool::/", "tests::pool::dies"));
        assert!(!matches("/^pool::/", "tests::pool::dies"));
        assert!(matches("t?sts::a", "tests::a"));
    }

    #[test]
    fn a_path_matches_from_any_directory_on_unless_it_is_absolute() {
        let matches = |pattern, text| Pattern::path(pattern).unwrap().matches(text);
        for text in ["src/pool.rs", "member/src/pool.rs", "/home/u/member/src/pool.rs"] {
            assert!(matches("src/pool.rs", text), "{text}");
            assert!(matches("src/*.rs", text), "{text}");
            assert!(matches("**/pool.rs", text), "{text}");
        }
        assert!(!matches("src/pool.rs", "src/whirlpool.rs"));
        assert!(!matches("pool.rs", "src/whirlpool.rs"));
        assert!(!matches("/src/pool.rs", "/home/u/src/pool.rs"));
        assert!(matches("/home/*/src/pool.rs", "/home/u/src/pool.rs"));
        assert!(matches("src/{pool,queue}.rs", "a/src/queue.rs"));
    }

    #[test]
    fn a_bad_pattern_says_what_is_wrong_in_one_line() {
        for (pattern, error) in [
            (Pattern::name("/(/"), "not a regular expression: unclosed group"),
            (
                Pattern::name("[a"),
                "not a glob: error parsing glob '[a': unclosed character class; missing ']'",
            ),
            (Pattern::name(""), "an empty pattern matches nothing"),
            (Pattern::text(""), "an empty regular expression matches everything"),
            (Pattern::name("//"), "an empty regular expression matches everything"),
        ] {
            assert_eq!(pattern.unwrap_err(), error);
        }
        assert!(Pattern::path("{a").unwrap_err().starts_with("not a glob: "));
        assert!(Pattern::path("a}").is_err());
    }
}
