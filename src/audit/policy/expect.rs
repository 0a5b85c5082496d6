//! An `[[expect]]` entry: findings that somebody has looked at and given a reason for.
//!
//! Runs on: threads that audit. Must not: panic on any text.

use std::path::PathBuf;

use super::pattern::Pattern;
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
}
