//! Reads lines that the agent wrote, also from files of processes that died while they wrote.
//!
//! Runs on: any thread of a program that reads. Must not: panic or keep more than one line, whatever is in the file.

use std::io::{self, BufRead};

use serde_json::Value;

use super::{Line, StackBook};

/// Default for [`LineReader::max_bytes`].
const MAX_BYTES: usize = 1024 * 1024;
/// How every line begins. Where it stands inside of a line, that line was not closed before the next one.
const BEGIN: &[u8] = b"{\"schema\":";
/// Beginnings that are tried in one damaged line.
const MAX_BEGINNINGS: usize = 16;

/// A line of a file, and where it is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReadLine {
    /// Offset of its first byte in what is read.
    pub offset: u64,
    /// Bytes without the newline.
    pub len: u64,
    /// The content of the line.
    pub content: LineContent,
}

/// The content of a line.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LineContent {
    /// A line of the agent.
    Line(Line),
    /// JSON of a kind, or with a shape, that this version does not know.
    Other(Value),
    /// A line that is torn, too long, or no JSON; a text for people, which begins with `torn` for a part of a line.
    Damaged(String),
}

/// Reads lines one after the other; empty ones are left out, and those of spaces alone, where a recovery has blanked out a
/// part of a line and written it again. A line that only names its stack gets it from the earlier one that shows it, see
/// [`StackBook`]. A whole line that was written behind a torn one, without a
/// newline between them, is found, too.
///
/// At the end of a file that is still being written a line without a newline is [`Damaged`](LineContent::Damaged), or
/// whole, if nothing but the newline is missing.
///
/// # Examples
/// ```
/// use panic_agent::record::{LineContent, LineReader};
///
/// let file = b"{\"schema\":1,\"kind\":\"pan\n\n{\"schema\":1,\"kind\":\"of a later version\"}\n";
/// let lines: Vec<_> = LineReader::new(&file[..]).collect::<Result<_, _>>()?;
/// assert!(matches!(lines[0].content, LineContent::Damaged(_)));
/// assert!(matches!(lines[1].content, LineContent::Other(_)));
/// assert_eq!((lines[1].offset, lines.len()), (25, 2));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct LineReader<R> {
    input: R,
    max_bytes: usize,
    /// Offset of the next byte.
    offset: u64,
    /// A line that was found behind a torn one.
    next: Option<ReadLine>,
    buffer: Vec<u8>,
    stacks: StackBook,
    whole: Vec<u8>,
}

impl<R: BufRead> LineReader<R> {
    /// Begins at the next byte of `input`.
    pub fn new(input: R) -> Self {
        Self {
            input,
            max_bytes: MAX_BYTES,
            offset: 0,
            next: None,
            buffer: Vec::new(),
            stacks: StackBook::default(),
            whole: Vec::new(),
        }
    }

    /// Longest line that is read; a longer one is damaged. Default 1 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes.max(1);
        self
    }

    /// The next line, into the buffer; its whole length without the newline. `None` at the end.
    fn fill(&mut self) -> io::Result<Option<u64>> {
        self.buffer.clear();
        let mut len: u64 = 0;
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if available.is_empty() {
                return Ok((len > 0).then_some(len));
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let (line, _) = available.split_at(newline.unwrap_or(available.len()));
            let room = self.max_bytes.saturating_sub(self.buffer.len()).min(line.len());
            self.buffer.extend_from_slice(line.get(..room).unwrap_or_default());
            len += line.len() as u64;
            let taken = line.len() + usize::from(newline.is_some());
            self.input.consume(taken);
            self.offset += taken as u64;
            if newline.is_some() {
                return Ok(Some(len));
            }
        }
    }

    /// What the buffer says. When it is a torn line with a whole one behind it, the whole one is next.
    fn content(&mut self, offset: u64, len: u64) -> ReadLine {
        if len > self.buffer.len() as u64 {
            let content = LineContent::Damaged(format!("a line of {len} bytes"));
            return ReadLine { offset, len, content };
        }
        if self.stacks.complete(&self.buffer, &mut self.whole) {
            core::mem::swap(&mut self.buffer, &mut self.whole);
        }
        let error = match parse(&self.buffer) {
            Ok(content) => return ReadLine { offset, len, content },
            Err(error) => error,
        };
        for at in beginnings(&self.buffer) {
            let Some(Ok(content)) = self.buffer.get(at..).map(parse) else { continue };
            let whole = ReadLine { offset: offset + at as u64, len: len - at as u64, content };
            self.next = Some(whole);
            let content = LineContent::Damaged(format!("torn, and a whole line behind it: {error}"));
            return ReadLine { offset, len: at as u64, content };
        }
        let begins = self.buffer.starts_with(BEGIN) || BEGIN.starts_with(&self.buffer);
        let content = LineContent::Damaged(match begins && error.is_eof() {
            true => format!("torn: {error}"),
            false => error.to_string(),
        });
        ReadLine { offset, len, content }
    }
}

impl<R: BufRead> Iterator for LineReader<R> {
    type Item = io::Result<ReadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(line) = self.next.take() {
            return Some(Ok(line));
        }
        loop {
            let offset = self.offset;
            match self.fill() {
                Err(error) => return Some(Err(error)),
                Ok(None) => {
                    if self.offset == offset {
                        return None;
                    }
                }
                Ok(Some(len)) if len == self.buffer.len() as u64 && self.buffer.trim_ascii().is_empty() => {}
                Ok(Some(len)) => return Some(Ok(self.content(offset, len))),
            }
        }
    }
}

/// Where lines may begin inside of a line.
fn beginnings(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let windows = bytes.windows(BEGIN.len()).enumerate().skip(1);
    windows.filter(|(_, window)| *window == BEGIN).map(|(at, _)| at).take(MAX_BEGINNINGS)
}

fn parse(bytes: &[u8]) -> serde_json::Result<LineContent> {
    // Lines of the agent say their kind at once, and are read but once.
    if let Some(Ok(line)) = kind_at_begin(bytes).and_then(|kind| Line::decode(kind, bytes)) {
        return Ok(LineContent::Line(line));
    }
    let value: Value = serde_json::from_slice(bytes)?;
    let known = value.get("kind").and_then(Value::as_str).and_then(|kind| Line::decode(kind, bytes));
    Ok(match known {
        Some(Ok(line)) => LineContent::Line(line),
        _ => LineContent::Other(value),
    })
}

/// The kind of a line whose first fields are `schema` and `kind`.
fn kind_at_begin(bytes: &[u8]) -> Option<&str> {
    let rest = bytes.strip_prefix(BEGIN)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest.get(digits..)?.strip_prefix(b",\"kind\":\"")?;
    let end = rest.iter().take(16).position(|byte| *byte == b'"')?;
    core::str::from_utf8(rest.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    fn read(bytes: &[u8]) -> Vec<ReadLine> {
        LineReader::new(bytes).map(Result::unwrap).collect()
    }

    #[test]
    fn a_report_comes_back_as_it_was() {
        let report = samples::report();
        let mut line = serde_json::to_vec(&report).unwrap();
        line.push(b'\n');
        let lines = read(&[&line[..], &line].concat());
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].offset, line.len() as u64);
        assert!(lines.iter().all(|line| line.content == LineContent::Line(report.clone().into())));
    }

    #[test]
    fn a_whole_line_behind_a_torn_one_is_found() {
        let report = samples::report();
        let line = serde_json::to_vec(&report).unwrap();
        for torn in 1..line.len() {
            let lines = read(&[&line[..torn], &line, b"\n"].concat());
            assert_eq!(lines.len(), 2, "{torn}");
            assert!(matches!(lines[0].content, LineContent::Damaged(_)), "{torn}");
            assert_eq!((lines[1].offset, lines[1].len), (torn as u64, line.len() as u64));
            assert_eq!(lines[1].content, LineContent::Line(report.clone().into()));
        }
    }

    #[test]
    fn every_part_of_a_line_is_torn_and_what_a_recovery_blanked_out_is_nothing() {
        let line = serde_json::to_vec(&samples::report()).unwrap();
        for torn in 1..line.len() {
            let lines = read(&[&line[..torn], b"\n", &line, b"\n"].concat());
            assert_eq!(lines.len(), 2, "{torn}");
            let LineContent::Damaged(text) = &lines[0].content else { panic!("{:?}", lines[0]) };
            assert!(text.starts_with("torn: "), "{torn}: {text}");
            assert_eq!((lines[0].len, lines[1].offset), (torn as u64, torn as u64 + 1));
        }
        let blanked = read(&[&b" ".repeat(40)[..], b"\n   ", &line, b"\n"].concat());
        assert!(
            matches!(&blanked[..], [ReadLine { content: LineContent::Line(Line::Panic(_)), .. }]),
            "{blanked:?}"
        );
        let other = read(b"no JSON at all\n");
        assert!(matches!(&other[0].content, LineContent::Damaged(text) if !text.starts_with("torn")));
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_with_little_memory() {
        let bytes = [vec![b'x'; 100_000], b"\n{\"schema\":1}\n".to_vec()].concat();
        let mut reader = LineReader::new(io::BufReader::with_capacity(64, &bytes[..])).max_bytes(1000);
        assert_eq!(
            reader.next().unwrap().unwrap().content,
            LineContent::Damaged("a line of 100000 bytes".to_owned())
        );
        assert!(reader.buffer.capacity() < 10_000);
        assert_eq!(reader.next().unwrap().unwrap().offset, 100_001);
        assert!(reader.next().is_none());
    }
}
