//! Standard error on its way through: what comes is passed on at once, and the end of it is kept.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::ChildStderr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Read at once.
const CHUNK: usize = 8 * 1024;

/// A thread that passes it on. It goes on after [`finish`](Self::finish) for those who inherited the pipe.
pub(super) struct Tail {
    /// Closed to ask for what is kept.
    ask: Option<PipeWriter>,
    answer: Receiver<Vec<u8>>,
}

impl Tail {
    /// Keeps at most so many bytes.
    pub(super) fn follow(from: ChildStderr, bytes: usize) -> Self {
        let (send, answer) = sync_channel(1);
        let (asked, ask) = pipe().ok().unzip();
        thread::spawn(move || pass_on(from, Kept { bytes, last: VecDeque::new() }, asked, &send));
        Self { ask, answer }
    }

    /// What came last before now.
    pub(super) fn finish(self) -> Vec<u8> {
        drop(self.ask);
        self.answer.recv().unwrap_or_default()
    }
}

/// The last bytes.
struct Kept {
    bytes: usize,
    last: VecDeque<u8>,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        self.last.extend(bytes);
        let surplus = self.last.len().saturating_sub(self.bytes);
        self.last.drain(..surplus);
    }

    /// From the beginning of a line, if one of them begins there.
    fn text(&self) -> Vec<u8> {
        let all: Vec<u8> = self.last.iter().copied().collect();
        let begin = match all.iter().position(|byte| *byte == b'\n') {
            Some(newline) if all.len() >= self.bytes && newline + 1 < all.len() => newline + 1,
            _ => 0,
        };
        all[begin..].to_vec()
    }
}

fn pass_on(
    mut from: ChildStderr,
    mut kept: Kept,
    mut asked: Option<PipeReader>,
    answer: &SyncSender<Vec<u8>>,
) {
    let mut chunk = [0; CHUNK];
    loop {
        let is_asked = asked.as_ref().is_some_and(|asked| first_ready(&[asked.as_fd()], false).is_some());
        // What the program wrote before its end stands in the pipe by now.
        if is_asked && first_ready(&[from.as_fd()], false).is_none() {
            asked = None;
            // Nobody waits for it when the supervisor ends.
            let _sent = answer.send(kept.text());
        }
        let ready = match &asked {
            Some(asked) if !is_asked => first_ready(&[from.as_fd(), asked.as_fd()], true),
            _ => first_ready(&[from.as_fd()], true),
        };
        if ready != Some(0) {
            continue;
        }
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => {
                kept.add(&chunk[..count]);
                // A closed standard error of ours is no reason to stop the program.
                let _passed = io::stderr().write_all(&chunk[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // Asked for or not yet: the end has come.
    let _sent = answer.try_send(kept.text());
}

/// The first of these that can be read, or is closed; `None` when none is and it must not wait.
fn first_ready(these: &[BorrowedFd<'_>], wait: bool) -> Option<usize> {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut polled: Vec<_> = these.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    poll(&mut polled, (!wait).then_some(&at_once)).ok()?;
    polled.iter().position(|fd| !fd.revents().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_lines_are_kept() {
        let mut kept = Kept { bytes: 10, last: VecDeque::new() };
        kept.add(b"ab\n");
        assert_eq!(kept.text(), b"ab\n");
        kept.add(b"cdefg\nhij\n");
        assert_eq!(kept.text(), b"hij\n");
        kept.add(b"a line without an end");
        assert_eq!(kept.text(), b"without an end"[4..].to_vec());
    }
}
