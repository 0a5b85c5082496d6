//! The socket of journald: a datagram per entry; one that is too long goes as a sealed file in memory.

use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::answer::Answer;

/// A journal that does not read is waited for this long.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
}

impl Socket {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn send(&self, entries: &[Vec<u8>]) -> Answer {
        // Connected anew each time: journald may have been started again.
        let sent = self.connect().and_then(|socket| entries.iter().try_for_each(|entry| put(&socket, entry)));
        match sent {
            Ok(()) => Answer::Delivered(None),
            Err(error) => Answer::unreachable(format!("`{}`: {error}", self.path.display())),
        }
    }

    fn connect(&self) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        socket.connect(&self.path)?;
        Ok(socket)
    }
}

fn put(socket: &UnixDatagram, entry: &[u8]) -> io::Result<()> {
    match socket.send(entry) {
        Ok(_) => Ok(()),
        Err(error) if is_too_long(&error) => pass(socket, &sealed(entry)?),
        Err(error) => Err(error),
    }
}

fn is_too_long(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    error == Some(Errno::MSGSIZE) || error == Some(Errno::NOBUFS)
}

/// A file that nobody can change any more; journald takes no other.
fn sealed(entry: &[u8]) -> io::Result<OwnedFd> {
    let file = memfd_create("panic-agent", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(file);
    file.write_all(entry)?;
    let file = OwnedFd::from(file);
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    Ok(file)
}

fn pass(socket: &UnixDatagram, file: &OwnedFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    if !message.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("the space for one descriptor is too small"));
    }
    sendmsg(socket, &[IoSlice::new(&[])], &mut message, SendFlags::NOSIGNAL)?;
    Ok(())
}
