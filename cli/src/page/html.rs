//! Writes HTML. Only literals of this program become markup; every other text is escaped, by type.
//!
//! Runs on: the main thread. Must not: offer a way around that.

use std::fmt::{self, Write as _};

/// A document that grows.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Html(String);

impl Html {
    /// Markup of this program.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Anything else, also inside the quotation marks of an attribute.
    pub(crate) fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        let _never_fails = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// A number, which needs no escaping.
    pub(crate) fn number(&mut self, number: impl Into<f64>) -> &mut Self {
        let _never_fails = write!(self.0, "{}", (number.into() * 100.0).round() / 100.0);
        self
    }

    /// What another document holds, whose texts are escaped already.
    pub(crate) fn part(&mut self, part: &Self) -> &mut Self {
        self.0.push_str(&part.0);
        self
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Escapes what is written to it.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' => self.0.push('\n'),
                // Control characters are not allowed in HTML, and those that turn the direction would lie.
                letter if letter.is_control() => write!(self.0, "\\u{{{:x}}}", u32::from(letter))?,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    write!(self.0, "\\u{{{:x}}}", u32::from(letter))?
                }
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut html = Html::default();
        html.raw("<p title=\"")
            .text("a\" onclick='x'")
            .raw("\">")
            .text("</script><img src=x>&amp;\u{1b}\u{202e}")
            .raw("</p>");
        assert_eq!(
            html.into_string(),
            "<p title=\"a&quot; onclick=&#39;x&#39;\">&lt;/script&gt;&lt;img src=x&gt;&amp;amp;\\u{1b}\\u{202e}</p>"
        );
    }
}
