//! Lines on standard output or standard error.
//!
//! Runs on: the writer thread. Must not: take the lock of std's streams, or go through libtest's capture.

use std::io;

use crate::files::raw_fd::BorrowedNumber;
use crate::files::whole_line::WholeLine;
use crate::record::EncodedLine;
use crate::sink::Sink;

/// Whole lines on descriptor 1 or 2, one `write(2)` each.
#[derive(Debug)]
pub struct StandardSink {
    number: BorrowedNumber,
    line: WholeLine,
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

    fn new(number: i32) -> Self {
        Self { number: BorrowedNumber(number), line: WholeLine::default() }
    }

    /// Writes text that ends with a newline.
    pub(crate) fn put(&mut self, text: &[u8]) -> io::Result<()> {
        self.line.write(&mut self.number, text)
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
