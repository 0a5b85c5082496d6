//! A line as JSON that a person reads: a field in each line, and an element of a list in each.
//!
//! Runs on: the main thread. Must not: leave out or change anything.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

/// Levels that begin lines of their own: the fields, and the elements of their lists.
const LEVELS: usize = 2;

/// The value as JSON. What lies deeper than the elements of a list stays in one line: a stack is a line per frame.
pub(super) fn unfolded(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Unfolded::default());
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("({error})"),
    }
}

/// Breaks lines as far down as [`LEVELS`].
#[derive(Default)]
struct Unfolded {
    depth: usize,
    has_content: bool,
}

impl Unfolded {
    fn next<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        self.has_content = true;
        if self.depth <= LEVELS { self.line(writer) } else { Ok(()) }
    }

    fn line<W: ?Sized + io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b" "))
    }

    fn begin(&mut self) {
        self.depth += 1;
        self.has_content = false;
    }

    fn end<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let breaks = self.has_content && self.depth <= LEVELS;
        self.depth -= 1;
        self.has_content = true;
        if breaks { self.line(writer) } else { Ok(()) }
    }
}

impl Formatter for Unfolded {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin();
        CompactFormatter.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer)?;
        CompactFormatter.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin();
        CompactFormatter.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer)?;
        CompactFormatter.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_field_and_an_element_of_a_list_have_a_line_each_and_nothing_is_changed() {
        let value = json!({"a": [], "b": [{"c": [1, 2], "d": {}}, {"c": 18_446_744_073_709_551_615_u64}], "e": {"f": "\u{1b}\""}});
        let text = unfolded(&value);
        assert_eq!(
            text,
            "{\n \"a\": [],\n \"b\": [\n  {\"c\": [1,2],\"d\": {}},\n  {\"c\": 18446744073709551615}\n ],\n \"e\": {\n  \"f\": \"\\u001b\\\"\"\n }\n}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
