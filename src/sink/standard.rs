//! Lines on standard output or standard error.
//!
//! Runs on: the writer thread. Must not: take the lock of std's streams, or go through libtest's capture.

use std::io;

#[cfg(unix)]
use crate::files::raw_fd::BorrowedNumber;
#[cfg(unix)]
use crate::files::whole_line::WholeLine;
use crate::record::EncodedLine;
use crate::sink::Sink;

/// Whole lines on descriptor 1 or 2, one `write(2)` each.
#[derive(Debug)]
pub struct StandardSink {
    #[cfg(unix)]
    number: BorrowedNumber,
    #[cfg(unix)]
    line: WholeLine,
    #[cfg(not(unix))]
    to_stderr: bool,
}

impl StandardSink {
    /// Descriptor 1.
    pub fn stdout() -> Self {
        Self::new(1)
    }

    /// Descriptor 2.
    pub fn stderr() -> Self {
        Self::new(2)
    }

    #[cfg(unix)]
    fn new(number: i32) -> Self {
        Self { number: BorrowedNumber(number), line: WholeLine::default() }
    }

    #[cfg(not(unix))]
    fn new(number: i32) -> Self {
        Self { to_stderr: number == 2 }
    }

    /// Writes text that ends with a newline.
    #[cfg(unix)]
    pub(crate) fn put(&mut self, text: &[u8]) -> io::Result<()> {
        self.line.write(&mut self.number, text)
    }

    /// Writes text that ends with a newline.
    #[cfg(not(unix))]
    pub(crate) fn put(&mut self, text: &[u8]) -> io::Result<()> {
        use std::io::Write as _;
        if self.to_stderr { io::stderr().write_all(text) } else { io::stdout().write_all(text) }
    }
}

impl Sink for StandardSink {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        self.put(line.with_newline())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::testing::samples::line_of_any_kind;

    #[test]
    fn a_line_arrives_whole_and_a_closed_reader_is_an_error() {
        use std::io::Read as _;
        use std::os::fd::AsRawFd as _;
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = StandardSink::new(writer.as_raw_fd());
        let line = line_of_any_kind();
        sink.write(&EncodedLine::new(&line, b"{}\n")).unwrap();
        let mut seen = [0; 3];
        reader.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"{}\n");
        drop(reader);
        let error = sink.write(&EncodedLine::new(&line, b"{}\n")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
