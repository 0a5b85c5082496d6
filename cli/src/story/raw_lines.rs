//! The bytes of lines, one after the other, with the file and the number of each.
//!
//! Runs on: the main thread. Must not: keep more than one line, or look into it.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use panic_agent::record::StackBook;

use super::{Input, Part};

/// Longest line that is kept; the reader of the library has the same limit.
const MAX_BYTES: usize = 1 << 20;
/// What is read at once.
const PIECE: usize = 256 << 10;
/// How every line of the agent begins.
pub(super) const BEGIN: &[u8] = b"{\"schema\":";

/// Whether a file that begins so is compressed.
pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) file: Rc<str>,
    /// From 1.
    pub(crate) line: u64,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A line that cannot be read, and why.
pub(crate) type Unread = (At, io::Error);

/// One file of an input.
enum Source {
    Named(PathBuf),
    Open(Part),
}

/// Reads the parts of one input.
pub(crate) struct RawLines {
    parts: std::vec::IntoIter<Source>,
    open: Option<Box<dyn BufRead>>,
    at: At,
    line: Vec<u8>,
    /// With a stack for each line.
    stacks: Option<StackBook>,
    whole: Vec<u8>,
}

impl RawLines {
    /// Every line shows its stack, also where its file has that in an earlier line.
    pub(crate) fn whole(input: Input) -> Self {
        Self { stacks: Some(StackBook::default()), ..Self::new(input) }
    }

    /// Lines as they stand in the file.
    pub(crate) fn new(input: Input) -> Self {
        match input {
            Input::Stdin => {
                let stdin = BufReader::with_capacity(PIECE, io::stdin());
                Self::of(Vec::new(), Some(unpacked(stdin)), "standard input")
            }
            Input::Files(parts) => Self::of(parts.into_iter().map(Source::Named).collect(), None, ""),
        }
    }

    /// Files that are open already, up to the given lengths; every line shows its stack.
    pub(super) fn of_open(parts: Vec<Part>) -> Self {
        let parts = parts.into_iter().map(Source::Open).collect();
        Self { stacks: Some(StackBook::default()), ..Self::of(parts, None, "") }
    }

    fn of(parts: Vec<Source>, open: Option<Box<dyn BufRead>>, name: &str) -> Self {
        Self {
            parts: parts.into_iter(),
            open,
            at: At { file: Rc::from(name), line: 0 },
            line: Vec::new(),
            stacks: None,
            whole: Vec::new(),
        }
    }

    /// The next line without its newline and without what stands before the agent's text; `None` at the end.
    ///
    /// # Errors
    /// With the place. The rest of that file is left out, and the next call goes on behind it.
    pub(crate) fn next(&mut self) -> Result<Option<(At, &[u8])>, Unread> {
        loop {
            if self.open.is_none() {
                let Some(source) = self.parts.next() else { return Ok(None) };
                let (Source::Named(path) | Source::Open(Part { path, .. })) = &source;
                self.at = At { file: path.display().to_string().into(), line: 0 };
                self.open = Some(source.open().map_err(|error| (self.at.clone(), error))?);
            }
            let Some(input) = &mut self.open else { return Ok(None) };
            self.at.line += 1;
            match fill(input, &mut self.line) {
                Ok(true) => break,
                Ok(false) => self.open = None,
                Err(error) => {
                    self.open = None;
                    return Err((self.at.clone(), error));
                }
            }
        }
        let line = unprefixed(&self.line);
        let whole = self.stacks.as_mut().is_some_and(|stacks| stacks.complete(line, &mut self.whole));
        Ok(Some((self.at.clone(), if whole { &self.whole } else { line })))
    }
}

impl Source {
    fn open(self) -> io::Result<Box<dyn BufRead>> {
        Ok(match self {
            Self::Named(path) => unpacked(BufReader::with_capacity(PIECE, File::open(path)?)),
            Self::Open(Part { file, len, .. }) => Box::new(BufReader::with_capacity(PIECE, file.take(len))),
        })
    }
}

fn unpacked(mut input: BufReader<impl Read + 'static>) -> Box<dyn BufRead> {
    // An error comes again at the first line.
    if input.fill_buf().is_ok_and(is_gzip) {
        return Box::new(BufReader::with_capacity(PIECE, MultiGzDecoder::new(input)));
    }
    Box::new(input)
}

/// Reads a line; what is beyond the longest is passed over, so that it cannot be parsed. False at the end.
fn fill(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let available = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if available.is_empty() {
            return Ok(any);
        }
        any = true;
        let newline = memchr::memchr(b'\n', available);
        let (part, _) = available.split_at(newline.unwrap_or(available.len()));
        let room = (MAX_BYTES + 1).saturating_sub(line.len()).min(part.len());
        line.extend_from_slice(part.get(..room).unwrap_or_default());
        let taken = part.len() + usize::from(newline.is_some());
        input.consume(taken);
        if newline.is_some() {
            return Ok(true);
        }
    }
}

/// A line without what `docker logs`, `kubectl logs` and their like put before it.
pub(crate) fn unprefixed(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    if line.starts_with(b"{") {
        return line;
    }
    match memchr::memmem::find(line, BEGIN) {
        Some(at) => line.get(at..).unwrap_or_default(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_taken_off_and_other_text_stays() {
        for prefix in
            ["", "  ", "2026-01-31T23:59:59.1Z ", "web-1  | ", "[pod/x/y] ", "\u{1b}[36mweb | \u{1b}[0m"]
        {
            let line = format!("{prefix}{{\"schema\":1}}\r");
            assert_eq!(unprefixed(line.as_bytes()), b"{\"schema\":1}", "{prefix}");
        }
        assert_eq!(unprefixed(b"thread panicked"), b"thread panicked");
        let torn = b"{\"schema\":1,\"ki{\"schema\":1}";
        assert_eq!(unprefixed(torn), torn, "a torn line is not a prefix");
    }
}
