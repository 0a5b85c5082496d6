//! Tells the supervisor of the process what has died, by systemd's protocol (`sd_notify(3)`).
//!
//! Runs on: the writer thread, and the thread `panic-agent-notify`, which is started when something has died. Must not: let
//! lines wait for the supervisor; say anything before something has died.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::act::{Counts, counted};
use crate::error::complain;

/// How long the end of the process waits for a supervisor that does not read.
const AT_END: Duration = Duration::from_millis(100);
const THREAD_NAME: &str = "panic-agent-notify";

/// What is to be told, and what was last.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    is_wanted: bool,
    told: Counts,
    news: Option<Arc<News>>,
}

/// The newest status. Whoever cannot keep up gets what is true when it reads again.
#[derive(Debug, Default)]
struct News {
    status: Mutex<Status>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Status {
    untold: Option<String>,
    is_telling: bool,
}

impl Notices {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { is_wanted, ..Self::default() }
    }

    /// Says what has died, if that has changed.
    pub(super) fn tell(&mut self, counts: Counts) {
        // Of these nothing is said.
        let counts = Counts { swallowed: 0, ..counts };
        if !self.is_wanted || counts == self.told {
            return;
        }
        self.told = counts;
        if self.news.is_none() {
            let news = Arc::new(News::default());
            let teller = Arc::clone(&news);
            // It works until the process ends.
            match thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(move || {
                teller.tell(send);
            }) {
                Ok(_) => self.news = Some(news),
                Err(error) => {
                    self.is_wanted = false;
                    return complain(&format_args!("cannot start the thread for the supervisor: {error}"));
                }
            }
        }
        if let Some(news) = &self.news {
            news.put(words(counts));
        }
    }

    /// Waits until the last status is told, but not for ever.
    pub(super) fn finish(&self) {
        if let Some(news) = &self.news {
            news.wait(AT_END);
        }
    }
}

impl News {
    fn put(&self, status: String) {
        self.status.lock().untold = Some(status);
        self.changed.notify_all();
    }

    /// Tells each status that it comes to.
    fn tell(&self, send: impl Fn(&str)) -> ! {
        let mut status = self.status.lock();
        loop {
            let Some(untold) = status.untold.take() else {
                self.changed.wait(&mut status);
                continue;
            };
            status.is_telling = true;
            drop(status);
            send(&untold);
            status = self.status.lock();
            status.is_telling = false;
            self.changed.notify_all();
        }
    }

    fn wait(&self, most: Duration) {
        let mut status = self.status.lock();
        let is_telling = |status: &mut Status| status.untold.is_some() || status.is_telling;
        // Nothing is left to be done about a status that is not told.
        let _told = self.changed.wait_while_for(&mut status, is_telling, most);
    }
}

/// The counts in words.
fn words(counts: Counts) -> String {
    let parts = counted([
        (counts.uncaught, "dead thread", "dead threads"),
        (counts.tasks_died, "dead task", "dead tasks"),
        (counts.silent, "panic that nobody can ever see", "panics that nobody can ever see"),
    ]);
    if parts.is_empty() { "nothing has died".to_owned() } else { parts.join(", ") }
}

/// A socket of another kind, or one that is gone, takes nothing.
#[cfg(all(unix, feature = "systemd"))]
fn send(status: &str) {
    sd_notify::notify(&[sd_notify::NotifyState::Status(status)]).ok();
}

/// Nobody is told where it is not compiled; the `process` line says so.
#[cfg(not(all(unix, feature = "systemd")))]
fn send(_status: &str) {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn the_counts_are_said_in_words() {
        let counts = |uncaught, silent| Counts { uncaught, silent, ..Counts::default() };
        assert_eq!(words(counts(0, 0)), "nothing has died");
        assert_eq!(words(counts(1, 0)), "1 dead thread");
        assert_eq!(words(counts(2, 1)), "2 dead threads, 1 panic that nobody can ever see");
    }

    #[test]
    fn a_supervisor_that_does_not_read_holds_up_nobody_and_hears_the_newest() {
        let news = Arc::new(News::default());
        let (told, heard) = channel();
        let (read, reads) = channel();
        let teller = Arc::clone(&news);
        thread::spawn(move || {
            teller.tell(|status| {
                told.send(status.to_owned()).expect("somebody listens");
                reads.recv().expect("it reads in the end");
            })
        });
        news.put("one".to_owned());
        assert_eq!(heard.recv().as_deref(), Ok("one"));
        news.put("two".to_owned());
        news.put("three".to_owned());
        news.wait(Duration::from_millis(1));
        assert!(heard.try_recv().is_err(), "it does not read yet");
        read.send(()).expect("the thread lives");
        assert_eq!(heard.recv().as_deref(), Ok("three"));
        read.send(()).expect("the thread lives");
        news.wait(Duration::from_secs(60));
        assert!(news.status.lock().untold.is_none() && heard.try_recv().is_err());
    }
}
