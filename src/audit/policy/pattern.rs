//! A pattern of `panic-audit.toml`: a glob, or a regular expression between slashes.
//!
//! Runs on: threads that audit. Must not: panic on any pattern or text.

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

/// Matches a name or a path.
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
