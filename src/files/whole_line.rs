//! Writes one line to a file descriptor so that no later line is spoiled: one write, completed when the
//! kernel takes less.
//!
//! Runs on: the writer thread. Must not: retry for ever.

use std::io::{self, ErrorKind};

/// Times that "would block" is waited for before the line is given up.
const MAX_WAITS: u32 = 10;

/// A destination of bytes, as `write(2)` sees it.
pub(crate) trait RawWrite {
    /// One system call.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits a bounded time until a non-blocking destination may take more.
    fn wait_writable(&mut self) {}
}

/// Remembers whether the destination ends in the middle of a line.
#[derive(Debug, Default)]
pub(crate) struct WholeLine {
    torn: bool,
}

impl WholeLine {
    /// What a look at the destination's end told.
    pub(crate) fn set_torn(&mut self, torn: bool) {
        self.torn = torn;
    }

    /// Writes a line that ends with its newline.
    ///
    /// # Errors
    /// When the line did not arrive whole. If a part of it did, the next line is preceded by a newline, so
    /// that only the torn one cannot be parsed. A line that lacks nothing but its newline has arrived.
    pub(crate) fn write(&mut self, out: &mut dyn RawWrite, line: &[u8]) -> io::Result<()> {
        if self.torn {
            complete(out, b"\n").map_err(|(_, error)| error)?;
            self.torn = false;
        }
        let Err((written, error)) = complete(out, line) else { return Ok(()) };
        self.torn = written > 0;
        // Else it would be counted as lost, and found in the file by everybody who reads it.
        if written > 0 && line.get(written..) == Some(b"\n") { Ok(()) } else { Err(error) }
    }
}

/// Writes all bytes, or says how many were taken before the error.
fn complete(out: &mut dyn RawWrite, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    let mut waits = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
            Ok(taken) => written += taken,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && waits < MAX_WAITS => {
                waits += 1;
                out.wait_writable();
            }
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a script of results; `Ok(n)` takes at most `n` bytes, the end of the script takes all.
    struct Script(Vec<Result<usize, ErrorKind>>, Vec<u8>, u32);

    impl RawWrite for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = if self.0.is_empty() { bytes.len() } else { self.0.remove(0)?.min(bytes.len()) };
            self.1.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn wait_writable(&mut self) {
            self.2 += 1;
        }
    }

    /// Writes lines one after the other; which of them arrived, what did, and how often was waited.
    fn write(script: Vec<Result<usize, ErrorKind>>, lines: &[&str]) -> (Vec<bool>, String, u32) {
        let (mut line, mut out) = (WholeLine::default(), Script(script, vec![], 0));
        let arrived = lines.iter().map(|text| line.write(&mut out, text.as_bytes()).is_ok()).collect();
        (arrived, String::from_utf8(out.1).unwrap(), out.2)
    }

    #[test]
    fn a_short_write_and_an_interruption_are_completed() {
        let script = vec![Ok(2), Err(ErrorKind::Interrupted), Err(ErrorKind::WouldBlock), Ok(1)];
        assert_eq!(write(script, &["{\"a\":1}\n"]), (vec![true], "{\"a\":1}\n".to_owned(), 1));
    }

    #[test]
    fn a_torn_line_is_closed_before_the_next_one_unless_it_lacks_only_its_newline_or_nothing_arrived() {
        for (taken, first_arrived, whole) in [
            (3, false, "{\"a\n{\"b\":2}\n{\"c\":3}\n"),
            (7, true, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n"),
            (0, false, "{\"b\":2}\n{\"c\":3}\n"),
        ] {
            let begin = (taken > 0).then_some(Ok(taken));
            let script = begin.into_iter().chain([Err(ErrorKind::StorageFull)]).collect();
            let written = write(script, &["{\"a\":1}\n", "{\"b\":2}\n", "{\"c\":3}\n"]);
            assert_eq!(written, (vec![first_arrived, true, true], whole.to_owned(), 0));
        }
    }

    #[test]
    fn a_destination_that_stays_full_or_takes_nothing_is_given_up() {
        let given_up = |waits| (vec![false], String::new(), waits);
        assert_eq!(write(vec![Err(ErrorKind::WouldBlock); 100], &["1\n"]), given_up(MAX_WAITS));
        assert_eq!(write(vec![Ok(0)], &["1\n"]), given_up(0));
    }
}
