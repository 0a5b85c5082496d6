//! What clippy said, by file and place.
//!
//! Runs on: the main thread writes it, those that read files look. Must not: keep what nobody asks for.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::listed;
use crate::scan::kind::Runner;

/// Line and column, from 1, columns in characters: as in a `Span`.
pub(in crate::scan) type Position = (u32, u32);

/// See above.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    files: HashMap<String, FileFacts>,
    pub(super) errors: Vec<CompileError>,
}

/// The same of one file.
#[derive(Debug, Default)]
pub(crate) struct FileFacts {
    /// Functions that are called, as `listed` writes them, by the place of the name.
    calls: HashMap<Position, String>,
    /// Values that statements drop, by the place of the statement; in a macro that of its call.
    pub(super) dropped: HashMap<Position, Dropped>,
    /// Names of functions that were compiled.
    functions: HashSet<Position>,
}

/// A value that a statement drops.
#[derive(Debug)]
pub(super) struct Dropped {
    /// Who runs what the handle is of; `None`: it is no handle.
    pub(super) handle: Option<Runner>,
    /// The function has `#[must_use]`, and nothing says of which type its value is.
    pub(super) is_untyped: bool,
    pub(super) end: Position,
    /// The statement is the call of a macro, which drops it.
    pub(super) in_macro: bool,
}

/// Something that does not compile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CompileError {
    file: String,
    at: Position,
    message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = crate::screen::one_line(&self.message);
        if self.file.is_empty() {
            return write!(f, "error: {message}");
        }
        write!(f, "{}:{}:{}: error: {message}", self.file, self.at.0, self.at.1)
    }
}

impl Facts {
    /// Reads what cargo writes with `--message-format=json`. What is none of it is left out.
    pub(super) fn read(output: impl Read, root: &Path) -> Self {
        let mut facts = Self::default();
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if let Ok(Message { message: Some(message) }) = serde_json::from_slice(&line) {
                facts.take(message, root);
            }
            line.clear();
        }
        facts
    }

    pub(in crate::scan) fn file(&self, name: &str) -> Option<&FileFacts> {
        self.files.get(name)
    }

    /// Whether nothing was compiled.
    pub(super) fn is_empty(&self) -> bool {
        self.files.values().all(|file| file.functions.is_empty())
    }

    fn take(&mut self, message: Diagnostic, root: &Path) {
        let Some(place) = message.spans.into_iter().find(|place| place.is_primary) else {
            let is_sum =
                message.message.starts_with("aborting") || message.message.contains("could not compile");
            if message.level.starts_with("error") && !is_sum {
                self.complain(CompileError { file: String::new(), at: (0, 0), message: message.message });
            }
            return;
        };
        let file = name(&place.file_name, root);
        if message.level.starts_with("error") {
            self.complain(CompileError { file, at: place.start(), message: message.message });
            return;
        }
        let Some(code) = message.code else { return };
        let quoted = message.message.split('`').nth(1).unwrap_or_default();
        match code.code.as_str() {
            "clippy::disallowed_methods" => {
                self.files.entry(file).or_default().calls.insert(place.start(), quoted.to_owned());
            }
            "clippy::cognitive_complexity" => {
                self.files.entry(file).or_default().functions.insert(place.start());
            }
            "unused_results" | "unused_must_use" => {
                let is_untyped = message.message.starts_with("unused return value of");
                let handle = listed::handle(quoted).filter(|_| !is_untyped);
                let in_macro = place.expansion.is_some();
                let place = place.outermost();
                let dropped =
                    Dropped { handle, is_untyped, end: (place.line_end, place.column_end), in_macro };
                let file = name(&place.file_name, root);
                self.files.entry(file).or_default().dropped.insert(place.start(), dropped);
            }
            _ => {}
        }
    }

    fn complain(&mut self, error: CompileError) {
        // A library is compiled once more for its tests.
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

impl FileFacts {
    /// Which function a name means.
    pub(in crate::scan) fn call(&self, at: Position) -> Option<&str> {
        self.calls.get(&at).map(String::as_str)
    }

    /// Whether the function of this name was compiled.
    pub(in crate::scan) fn has_function(&self, at: Position) -> bool {
        self.functions.contains(&at)
    }

    /// Whether there is something to look at.
    pub(in crate::scan) fn is_of_interest(&self) -> bool {
        !self.calls.is_empty() || self.dropped.values().any(|dropped| dropped.handle.is_some())
    }
}

/// A file as a scan names it.
fn name(file: &str, root: &Path) -> String {
    let path = root.join(file);
    path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/")
}

#[derive(Deserialize)]
struct Message {
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    message: String,
    code: Option<Code>,
    level: String,
    spans: Vec<Place>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Place {
    file_name: String,
    line_start: u32,
    column_start: u32,
    line_end: u32,
    column_end: u32,
    is_primary: bool,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Place,
}

impl Place {
    fn start(&self) -> Position {
        (self.line_start, self.column_start)
    }

    /// Where the macro was called that all of this came from.
    fn outermost(self) -> Self {
        let mut place = self;
        while let Some(expansion) = place.expansion.take() {
            place = expansion.span;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Facts {
        Facts::read(lines.as_bytes(), Path::new("/w"))
    }

    fn place(file: &str, line: u32, expansion: &str) -> String {
        format!(
            "{{\"file_name\":\"{file}\",\"byte_start\":0,\"byte_end\":1,\"line_start\":{line},\"column_start\":5,\"line_end\":{line},\
             \"column_end\":9,\"is_primary\":true,\"text\":[],\"label\":null,\"expansion\":{expansion}}}"
        )
    }

    fn message(code: &str, level: &str, text: &str, place: &str) -> String {
        format!(
            "{{\"reason\":\"compiler-message\",\"message\":{{\"message\":\"{text}\",\"code\":{code},\"level\":\"{level}\",\"spans\":[{place}],\
             \"children\":[],\"rendered\":\"\"}}}}\n"
        )
    }

    #[test]
    fn a_value_that_a_macro_drops_is_dropped_where_the_macro_is_called() {
        let outer = format!("{{\"span\":{},\"macro_decl_name\":\"go!\"}}", place("src/b.rs", 9, "null"));
        let of = |text: &str, place: &str| message("{\"code\":\"unused_results\"}", "warning", text, place);
        let facts = read(
            &(of("unused result of type `std::thread::JoinHandle<()>`", &place("src/a.rs", 2, &outer))
                + &of("unused result of type `u8`", &place("/w/src/a.rs", 3, "null"))),
        );
        let dropped = facts.file("src/b.rs").unwrap().dropped.get(&(9, 5)).unwrap();
        assert!(dropped.in_macro && dropped.handle == Some(Runner::Thread) && dropped.end == (9, 9));
        assert!(facts.file("src/b.rs").unwrap().is_of_interest());
        let other = facts.file("src/a.rs").unwrap();
        assert!(!other.dropped.get(&(3, 5)).unwrap().is_untyped);
        let untyped = "unused return value of `std::thread::JoinHandle` that must be used";
        let untyped = read(&of(untyped, &place("src/a.rs", 2, "null")));
        let untyped = untyped.file("src/a.rs").unwrap().dropped.get(&(2, 5)).unwrap();
        assert!(untyped.is_untyped && untyped.handle.is_none());
        assert!(other.dropped.get(&(3, 5)).unwrap().handle.is_none() && !other.is_of_interest());
    }

    #[test]
    fn errors_are_kept_once_and_what_is_no_message_is_left_out() {
        let error = message("null", "error", "mismatched types", &place("src/a.rs", 2, "null"));
        let sum = message("null", "error", "aborting due to 1 previous error", "");
        let facts = read(&format!("{error}not JSON\n{{\"reason\":\"build-finished\"}}\n{error}{sum}"));
        let texts: Vec<String> = facts.errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["src/a.rs:2:5: error: mismatched types"]);
        assert!(facts.is_empty());
    }
}
