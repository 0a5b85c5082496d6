//! The twin of `raw_fd` for systems without numbers: standard output and standard error by std.
//!
//! Runs on: the writer thread. Must not: close them.

use std::fs::File;
use std::io::{self, Write as _};

use super::whole_line::RawWrite;

/// Standard error for 2, else standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BorrowedNumber(pub(crate) i32);

impl RawWrite for BorrowedNumber {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 2 { io::stderr().write(bytes) } else { io::stdout().write(bytes) }
    }
}

/// Files here block.
pub(crate) fn wait_for(_: &File) {}
