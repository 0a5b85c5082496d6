//! A file of source as it is scanned: its text, its hash, and its syntax, if it has one.
//!
//! Runs on: the threads that read files, which have large stacks. Must not: panic or overflow, whatever the file holds.

use std::path::Path;

use proc_macro2::{LineColumn, TokenStream};
use serde::{Deserialize, Serialize};
use syn::spanned::Spanned;

use super::depth::{check_depth, is_flat};
use super::site::Span;

/// Longest file that is read; generated tables may be longer, and hold no code.
const MAX_BYTES: usize = 8 << 20;
/// Stack of a thread that reads files. Only what is used of it takes memory.
pub(super) const STACK: usize = 512 << 20;

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unread {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) reason: String,
}

/// The text of a file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the root of the scan, with `/`.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) hash: u64,
}

impl SourceFile {
    /// Reads it; text that is no UTF-8 is refused, as the compiler does.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, Unread> {
        let refuse =
            |line: u32, column: u32, reason: String| Unread { file: name.to_owned(), line, column, reason };
        let bytes = std::fs::read(path).map_err(|error| refuse(1, 1, error.to_string()))?;
        if bytes.len() > MAX_BYTES {
            return Err(refuse(1, 1, format!("more than {} MiB", MAX_BYTES >> 20)));
        }
        let hash = fnv(&bytes);
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
            refuse(number(line), number(column), "not UTF-8".to_owned())
        })?;
        Ok(Self::from_text(name, text, hash))
    }

    pub(crate) fn from_text(name: &str, mut text: String, hash: u64) -> Self {
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Self { name: name.to_owned(), text, hash }
    }

    /// Its syntax.
    pub(crate) fn parse(&self) -> Result<syn::File, Unread> {
        let refuse = |at: LineColumn, reason: String| Unread {
            file: self.name.clone(),
            line: number(at.line.max(1)),
            column: number(at.column + 1),
            reason,
        };
        let without_shebang;
        let text = if is_shebang(&self.text) {
            // A comment of the same length, so that places stay.
            without_shebang = self.text.replacen("#!", "//", 1);
            &without_shebang
        } else {
            &self.text
        };
        let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
            refuse(
                error.span().start(),
                "cannot be split into tokens: a bracket or quotation mark lacks its other half".to_owned(),
            )
        })?;
        if !is_flat(text) {
            check_depth(&tokens).map_err(|at| refuse(at, "nested too deeply to be read".to_owned()))?;
        }
        syn::parse2(tokens).map_err(|error| refuse(error.span().start(), error.to_string()))
    }
}

fn is_shebang(text: &str) -> bool {
    text.strip_prefix("#!").is_some_and(|rest| !rest.trim_start().starts_with('['))
}

/// The range of a piece of syntax.
pub(super) fn span_of(node: &impl Spanned) -> Span {
    of_span(node.span())
}

pub(super) fn of_span(span: proc_macro2::Span) -> Span {
    let (start, end, bytes) = (span.start(), span.end(), span.byte_range());
    Span {
        line: number(start.line),
        column: number(start.column + 1),
        end_line: number(end.line),
        end_column: number(end.column + 1),
        start: bytes.start,
        end: bytes.end,
    }
}

pub(super) fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// FNV-1a, 64 bits.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(), Unread> {
        let text = text.to_owned();
        let parse = || SourceFile::from_text("x.rs", text, 0).parse().map(|_| ());
        std::thread::Builder::new().stack_size(STACK).spawn(parse).unwrap().join().unwrap()
    }

    #[test]
    fn bad_input_is_named_with_its_line_and_column() {
        let bad = parse("fn a() {}\nfn b( {}\n").unwrap_err();
        assert_eq!((bad.file.as_str(), bad.line), ("x.rs", 2), "{bad:?}");
        let bad = parse("fn a() {}\n  let x = 1;\n").unwrap_err();
        assert_eq!((bad.line, bad.column), (2, 3), "{bad:?}");
    }

    #[test]
    fn what_is_nested_deeply_is_refused_and_what_is_long_is_read() {
        for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("if x {", "}"), ("|| (", ")")] {
            let text = format!("fn a() {{ {}{} }}", open.repeat(5000), close.repeat(5000));
            assert!(parse(&text).unwrap_err().reason.contains("deeply"), "{open}");
        }
        for run in ["!", "-", "&", "*", "x = ", "return ", "|| ", "a.b().", "if x {} else "] {
            let end = if run.starts_with("if") { "{}" } else { "x" };
            let short = format!("fn a() {{ {}{end}; }}", run.repeat(1500));
            assert!(parse(&short).is_ok(), "{run}: {:?}", parse(&short));
            let long = format!("fn a() {{ {}{end}; }}", run.repeat(50_000));
            assert!(parse(&long).is_err(), "{run}");
        }
        let many = "fn a() { b(); c(d, e); }\n".repeat(3000);
        assert!(parse(&many).is_ok());
    }

    #[test]
    fn a_shebang_and_a_byte_order_mark_move_nothing() {
        assert!(parse("#!/usr/bin/env run-cargo-script\nfn main() {}\n").is_ok());
        assert!(parse("#![allow(unused)]\nfn main() {}\n").is_ok());
        assert!(parse("\u{feff}fn main() {}\n").is_ok());
    }
}
