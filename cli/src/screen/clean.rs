//! Text of a line as a terminal may have it. A message may hold anything: escape sequences, letters that turn the
//! direction, a hundred lines.
//!
//! Runs on: the main thread. Must not: let a control character through.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text with control characters, and those that change the direction of writing, as escapes. Newlines stay.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            letter if letter.is_control() || is_direction(letter) => out.extend(letter.escape_unicode()),
            letter => out.push(letter),
        }
    }
    out
}

/// The same in one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).replace('\n', "⏎ ")
}

/// The beginning that fits into so many columns, with `…` where something is left out.
pub(crate) fn cut(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(letter);
    }
    out.push('…');
    out
}

/// The end that fits, with `…` before it: of a path the last parts say most.
pub(crate) fn cut_front(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|columns| text.width() > *columns) else { return text.to_owned() };
    let (mut used, mut from) = (1, text.len());
    for (at, letter) in text.char_indices().rev() {
        used += letter.width().unwrap_or(0);
        if used > columns {
            break;
        }
        from = at;
    }
    format!("…{}", text.get(from..).unwrap_or_default())
}

fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_not_pass_and_letters_do() {
        assert_eq!(clean("\u{1b}[2Jé\u{202e}x\u{9b}"), "\\u{1b}[2Jé\\u{202e}x\\u{9b}");
        assert_eq!(one_line("a\nb"), "a⏎ b");
        assert_eq!(cut("日本語", Some(5)), "日本…");
        assert_eq!(cut("abc", Some(3)), "abc");
        assert_eq!(
            (cut_front("a::b::日本", Some(7)), cut_front("abc", Some(3))),
            ("…::日本".into(), "abc".into())
        );
    }
}
