//! How deeply source is nested, so that readers which call themselves do not need too much stack.
//!
//! Two measures: a cheap one of the text, which is enough for what people write, and an exact one of the tokens.
//!
//! Runs on: the threads that read files. Must not: call a file flat that is not.

use proc_macro2::{Delimiter, LineColumn, TokenStream, TokenTree};

/// Deepest nesting of brackets that is read. rustc itself stops at 128 in macros; people stay below 30.
const MAX_DEPTH: usize = 200;
/// Most tokens between two commas or semicolons: each may be a level of the syntax tree.
const MAX_RUN: usize = 20_000;

/// Words that begin something after a block, and go on with nothing.
const BEGINNINGS: &[&[u8]] = &[
    b"async", b"const", b"enum", b"extern", b"fn", b"for", b"if", b"impl", b"let", b"loop", b"match", b"mod",
    b"pub", b"return", b"static", b"struct", b"trait", b"type", b"unsafe", b"use", b"while",
];

/// Whether a text that was split into tokens is certainly below both bounds. It counts as [`check_depth`] does, and where
/// it cannot tell how many tokens there are, it takes more. Where the text is hard to split, the answer is no.
pub(super) fn is_flat(text: &str) -> bool {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    // Tokens since the last comma or semicolon; the same around each bracket that is open.
    let (mut run, mut around) = (0_usize, Vec::new());
    let (mut at, mut after_block) = (0, false);
    while let Some(&first) = bytes.get(at) {
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let next = match first {
            b'/' if byte(at + 1) == b'/' => line_end(bytes, at),
            b'/' if byte(at + 1) == b'*' => comment_end(bytes, at),
            b'"' => string_end(bytes, at + 1, b'"'),
            b'\'' => quote_end(text, at),
            _ if is_word(first) => word_end(bytes, at),
            _ => at + 1,
        };
        let begins = |word: &[u8]| word == b"#" || BEGINNINGS.contains(&word);
        if after_block && begins(bytes.get(at..next).unwrap_or_default()) {
            run = 0;
        }
        after_block = first == b'}';
        match first {
            b'(' | b'[' | b'{' => {
                around.push(run + 1);
                run = run.div_ceil(2);
            }
            b')' | b']' | b'}' => {
                let Some(outer) = around.pop() else { return false };
                run = outer;
            }
            b';' | b',' => run = 0,
            // A comment of documentation is two tokens, of which one is a bracket.
            b'/' => run += 2,
            _ => run += 1,
        }
        if around.len() >= MAX_DEPTH - 2 || run >= MAX_RUN - 2 {
            return false;
        }
        at = next;
    }
    around.is_empty()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(bytes.len(), |length| at + length)
}

/// Behind a comment that may hold others.
fn comment_end(bytes: &[u8], begin: usize) -> usize {
    let (mut at, mut open) = (begin, 0_usize);
    loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => (open, at) = (open + 1, at + 2),
            (Some(b'*'), Some(b'/')) => {
                (open, at) = (open.saturating_sub(1), at + 2);
                if open == 0 {
                    return at;
                }
            }
            (None, _) => return bytes.len(),
            _ => at += 1,
        }
    }
}

/// Behind the mark that ends a text with escapes.
fn string_end(bytes: &[u8], begin: usize, mark: u8) -> usize {
    let mut at = begin;
    while let Some(found) = memchr::memchr2(mark, b'\\', bytes.get(at..).unwrap_or_default()) {
        at += found;
        if bytes.get(at) == Some(&mark) {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// Behind a letter in quotes, or behind the sign of a lifetime.
fn quote_end(text: &str, at: usize) -> usize {
    let rest = text.get(at + 1..).unwrap_or_default();
    let mut letters = rest.char_indices();
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), _) => string_end(text.as_bytes(), at + 1, b'\''),
        (Some(_), Some((length, '\''))) => at + 1 + length + 1,
        _ => at + 1,
    }
}

/// Behind a word, which may be the prefix of a raw text.
fn word_end(bytes: &[u8], begin: usize) -> usize {
    let rest = bytes.get(begin..).unwrap_or_default();
    let end = begin + rest.iter().take_while(|byte| is_word(**byte)).count();
    let word = bytes.get(begin..end).unwrap_or_default();
    if !matches!(word, b"r" | b"br" | b"cr") {
        return end;
    }
    let rest = bytes.get(end..).unwrap_or_default();
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return end;
    }
    let mut at = end + hashes + 1;
    while let Some(found) = memchr::memchr(b'"', bytes.get(at..).unwrap_or_default()) {
        at += found + 1;
        if bytes.get(at..at + hashes).is_some_and(|after| after.iter().all(|byte| *byte == b'#')) {
            return at + hashes;
        }
    }
    bytes.len()
}

/// Where the stream is nested so deeply that readers which call themselves would need too much stack.
pub(super) fn check_depth(tokens: &TokenStream) -> Result<(), LineColumn> {
    let mut open = vec![(tokens.clone().into_iter(), 0, false)];
    while let Some((tokens, run, after_block)) = open.last_mut() {
        let Some(token) = tokens.next() else {
            open.pop();
            continue;
        };
        let goes_on = match &token {
            TokenTree::Ident(word) => word == "else" || word == "as",
            TokenTree::Punct(punct) => punct.as_char() != '#',
            _ => true,
        };
        *run = if *after_block && !goes_on { 1 } else { *run + 1 };
        *after_block = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if *run > MAX_RUN {
            return Err(token.span().start());
        }
        match token {
            TokenTree::Punct(punct) if matches!(punct.as_char(), ';' | ',') => *run = 0,
            TokenTree::Group(group) => {
                let run = *run;
                if open.len() >= MAX_DEPTH {
                    return Err(group.span_open().start());
                }
                open.push((group.stream().into_iter(), run / 2, false));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> (bool, bool) {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        (is_flat(text), check_depth(&tokens).is_ok())
    }

    #[test]
    fn what_stands_in_texts_and_comments_is_no_bracket() {
        let deep = "(".repeat(250);
        let closed = ")".repeat(250);
        let raw = format!("r##\"{deep}\"# {deep}\"##");
        for inside in [
            format!("// {deep}\n"),
            format!("/* {deep} /* {deep} */ {deep} */"),
            format!("\"{deep}\""),
            format!("\"\\\"{deep}\\\\\""),
            raw.clone(),
            format!("b{raw}"),
            format!("br#\"{deep}\"#"),
            "'(', '[', '{', b'(', '\\'', '\"', 'é'".to_owned(),
            "r#fn::<'a, 'b>('a')".to_owned(),
            "&'static str".to_owned(),
        ] {
            assert_eq!(both(&format!("a {inside} b")), (true, true), "{inside}");
            // And what stands behind it is one.
            assert_eq!(both(&format!("a {inside} {deep}{closed} b")), (false, false), "{inside}");
        }
    }

    #[test]
    fn what_closes_in_a_text_closes_nothing() {
        for close in ["\")\"", "r\")\"", "')'", "/* ) */", "// )\n", "b')'", "'\\'' ')'"] {
            let text = format!("{}{}", format!("( {close} ").repeat(210), ")".repeat(210));
            assert_eq!(both(&text), (false, false), "{close}");
        }
    }

    #[test]
    fn long_runs_are_no_flat_text() {
        for (run, times) in [("a + ", 2), ("a.f(b, c)", 4), ("a.f({b; c})", 4), ("a(b)", 2), ("-", 1)] {
            assert_eq!(both(&run.repeat(MAX_RUN / times - 100)), (true, true), "{run}");
            assert_eq!(both(&run.repeat(MAX_RUN / times + 100)), (false, false), "{run}");
        }
        assert_eq!(both(&"a, ".repeat(40_000)), (true, true));
        assert_eq!(both(&"fn a() {} ".repeat(20_000)), (true, true));
        assert_eq!(
            both(&"x {} ".repeat(MAX_RUN / 2 + 100)),
            (false, true),
            "it is not known that `x` begins something"
        );
        assert_eq!(both(&"else {} ".repeat(MAX_RUN / 2 + 100)), (false, false));
        assert_eq!(both(&"/// a\n".repeat(MAX_RUN / 2 + 100)), (false, false));
    }

    /// What cargo has unpacked on this machine: no file that is called flat is not.
    #[test]
    fn no_published_file_is_called_flat_that_is_not() {
        let home = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
        let home = home.or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
        let mut open: Vec<_> = home.into_iter().map(|home| home.join("registry/src")).collect();
        let (mut files, mut flat) = (0, 0);
        while let Some(path) = open.pop() {
            if let Ok(entries) = std::fs::read_dir(&path) {
                open.extend(entries.flatten().map(|entry| entry.path()));
            } else if files < 300 && path.extension().is_some_and(|extension| extension == "rs") {
                let Ok(text) = std::fs::read_to_string(&path) else { continue };
                let Ok(tokens) = text.parse::<TokenStream>() else { continue };
                files += 1;
                flat += usize::from(is_flat(&text));
                assert!(!is_flat(&text) || check_depth(&tokens).is_ok(), "{}", path.display());
            }
        }
        assert!(flat * 10 >= files * 9, "{flat} of {files}");
    }
}
