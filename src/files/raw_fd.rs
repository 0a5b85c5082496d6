//! `write(2)` and `poll(2)` on descriptors that the agent does not own.
//!
//! Runs on: the writer thread. Must not: close the descriptor, or take the lock of std's streams: a thread
//! may hold it while it waits for the writer.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};

use super::whole_line::RawWrite;

/// Milliseconds that one wait lasts at most.
const WAIT_MS: libc::c_int = 100;

/// A descriptor by number, such as 2. The number is what counts: when the program redirects it, lines follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BorrowedNumber(pub(crate) RawFd);

impl RawWrite for BorrowedNumber {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: `bytes` is valid for reads of its length; a number that is not open gives EBADF.
        let written = unsafe { libc::write(self.0, bytes.as_ptr().cast(), bytes.len()) };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }

    fn wait_writable(&mut self) {
        wait_writable(self.0);
    }
}

/// Waits a bounded time until a non-blocking file takes more.
pub(crate) fn wait_for(file: &File) {
    wait_writable(file.as_raw_fd());
}

/// Waits a bounded time until a non-blocking descriptor takes more.
fn wait_writable(fd: RawFd) {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: `poll` is one valid `pollfd` and lives across the call. The result does not matter: the
    // caller writes again and sees for itself.
    unsafe { libc::poll(&raw mut poll, 1, WAIT_MS) };
}
