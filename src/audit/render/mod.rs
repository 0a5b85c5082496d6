//! The forms in which findings are shown. One file per form.
//!
//! Runs on: threads that audit. Must not: print; let a text of the program under test act on a terminal or on who reads
//! the form.

mod blocks;
mod github;
mod json;
mod junit;
mod open;
mod table;

use std::borrow::Cow;

/// How much a table shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detail {
    /// The innermost frames of the program below each finding.
    pub stacks: bool,
    /// Also what was folded, and why panics could not be judged.
    pub verbose: bool,
}

impl Detail {
    /// With stacks, or without.
    pub fn stacks(self, stacks: bool) -> Self {
        Self { stacks, ..self }
    }

    /// With what is only counted, or without.
    pub fn verbose(self, verbose: bool) -> Self {
        Self { verbose, ..self }
    }
}

/// Longest text that is quoted, in characters.
const MAX_TEXT: usize = 200;
/// Longest row of a table, which may quote several.
const MAX_ROW: usize = 600;

/// One line of text that does nothing to a terminal: control characters become escapes, and what is too long ends in `…`.
fn one_line(text: &str) -> Cow<'_, str> {
    shown(text, MAX_TEXT)
}

fn shown(text: &str, longest: usize) -> Cow<'_, str> {
    let plain = |letter: char| !letter.is_control() && !is_invisible(letter);
    if text.chars().all(plain) && text.chars().nth(longest).is_none() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for (number, letter) in text.chars().enumerate() {
        if number == longest {
            shown.push('…');
            break;
        }
        if plain(letter) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_default());
        }
    }
    Cow::Owned(shown)
}

/// Characters that change the direction or the end of what is shown around them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `1 finding`, `2 findings`.
fn number_of(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod tests;
