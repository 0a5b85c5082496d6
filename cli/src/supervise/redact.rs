//! Takes secrets out of what a line repeats of the outside: standard error and arguments.

use regex::Regex;

/// Stands in for what was taken out.
const REDACTED: &str = "[redacted]";
/// A shorter value would be found in ordinary words.
const SHORTEST: usize = 6;

/// What is taken out.
pub(super) struct Redaction<'a> {
    patterns: &'a [Regex],
    values: Vec<String>,
}

impl<'a> Redaction<'a> {
    /// Patterns of the user, and values of variables that are called like secrets.
    pub(super) fn new(patterns: &'a [Regex]) -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { patterns, values: secrets(variables) }
    }

    /// The text without them.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value) {
                text = text.replace(value, REDACTED);
            }
        }
        for pattern in self.patterns {
            text = pattern.replace_all(&text, REDACTED).into_owned();
        }
        text
    }
}

fn secrets(variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let is_secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "KEY", "CREDENTIALS"].iter().any(|end| name.ends_with(end))
    };
    let mut values: Vec<_> = variables
        .filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST)
        .map(|(_, value)| value)
        .collect();
    // One may be a part of another.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_variables_and_patterns_go_and_the_rest_stays() {
        let variables = [
            ("API_TOKEN", "hunter22"),
            ("api_key", "hunter22-and-more"),
            ("PATH", "/usr/bin"),
            ("MY_KEY", "a"),
        ];
        let values = secrets(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let patterns = [Regex::new("[0-9]{4}-[0-9]{4}").unwrap()];
        let redaction = Redaction { patterns: &patterns, values };
        let text = redaction.text("card 1234-5678 of hunter22-and-more at /usr/bin, then hunter22");
        assert_eq!(text, "card [redacted] of [redacted] at /usr/bin, then [redacted]");
    }
}
