//! What the probes tell beyond events in a test harness that is audited: on whose behalf threads are spawned, and
//! what the harness prints.
//!
//! Runs on: the thread that spawns or prints (`spawning`, `said`), the installer (`audit`), and the writer. Must
//! not: allocate, lock, wait or panic on an observed thread; cost anything unless `audit` was called.

use core::cell::Cell;

use once_cell::race::OnceBox;

use crate::channel::{Carried, Exchange};
use crate::record::FixedText;
use crate::sys::{clock, fork, thread};

/// Notes that can wait for the writer. A harness prints a few per test; a storm of threads that outruns the writer
/// is counted.
const NOTES: usize = 512;
/// Innermost frames of a spawn: past std's, tokio's or rayon's own and a one-time initialization around them.
const INNER: usize = 64;
/// Outermost frames of a spawn. From the bottom of the stack to the test it is less than 20, on a thread of std
/// and on that of `main`.
const OUTER: usize = 32;
/// Bytes of one piece of output: a line with a long path.
const OUTPUT: usize = 1024;
/// Bytes of a thread's name.
const NAME: usize = 512;

/// One thing that was seen.
pub(crate) struct Note {
    /// Nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    pub(crate) what: Noted,
    inner: [u64; INNER],
    outer: [u64; OUTER],
    inner_len: usize,
    outer_len: usize,
    /// Name of the spawning thread, in full; empty when it has none or cannot be asked.
    pub(crate) name: FixedText<NAME>,
    output: [u8; OUTPUT],
    output_len: usize,
}

/// What a [`Note`] is about.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// A thread is about to be started; said before it runs.
    Spawn {
        /// Its number.
        child: u64,
        /// Number of the thread that starts it, 0 when its own start was not seen.
        parent: u64,
        /// OS thread id of that one.
        parent_tid: u32,
    },
    /// The main thread wrote to standard output.
    Output {
        /// Whether the text is cut here, so that its end is not known.
        cut: bool,
    },
}

impl Note {
    /// Addresses of the stack of a spawn, innermost first: the inner end, then the outer one.
    pub(crate) fn ips(&self) -> impl Iterator<Item = u64> + '_ {
        let inner = self.inner.get(..self.inner_len).unwrap_or_default();
        let outer = self.outer.get(..self.outer_len).unwrap_or_default();
        inner.iter().chain(outer).copied()
    }

    /// What was written.
    pub(crate) fn output(&self) -> &[u8] {
        self.output.get(..self.output_len).unwrap_or_default()
    }
}

// SAFETY: integers, lengths, bytes, and `Noted`, whose tag is a byte that begins at 0.
unsafe impl Carried for Note {
    fn clear(&mut self) {
        (self.inner_len, self.outer_len, self.output_len) = (0, 0, 0);
    }
}

/// The way of notes to the writer.
pub(crate) struct HarnessNotes {
    notes: Exchange<Note>,
    /// OS id of the thread that the process began with.
    pub(crate) main: u32,
    /// [`fork::generation`] of the process that has the writer.
    home: u32,
}

impl HarnessNotes {
    fn new(wake: fn()) -> Self {
        // Elsewhere no id tells it. An agent that audits is installed before `main`, or in it.
        let main = if cfg!(any(target_os = "linux", target_os = "android")) {
            std::process::id()
        } else {
            thread::tid()
        };
        Self { notes: Exchange::new(NOTES, Some(wake)), main, home: fork::generation() }
    }

    /// Writer: the next note.
    pub(crate) fn try_receive(&self) -> Option<impl core::ops::Deref<Target = Note> + use<'_>> {
        self.notes.try_receive()
    }

    /// Whether notes wait.
    pub(crate) fn is_pending(&self) -> bool {
        self.notes.pending() > 0
    }

    /// Notes that found no room.
    pub(crate) fn lost(&self) -> u64 {
        self.notes.lost()
    }

    /// Fills a note and hands it to the writer.
    ///
    /// A handler of a signal may come here while its thread is inside already: it notes nothing then.
    fn note(&self, fill: impl FnOnce(&mut Note)) {
        let entered = NOTING.try_with(|noting| !noting.replace(true)).unwrap_or(false);
        if !entered {
            return self.notes.count_loss();
        }
        if let Some(claimed) = self.notes.claim() {
            claimed.entry.mono_ns = clock::mono_ns();
            fill(claimed.entry);
            claimed.publish();
        }
        let _exited = NOTING.try_with(|noting| noting.set(false));
    }

    /// Notes that only a test sends.
    #[cfg(test)]
    pub(crate) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self::new(|| ())))
    }

    /// A spawn, with this stack and name of the parent.
    #[cfg(test)]
    pub(crate) fn spawn(&self, child: u64, parent: (u64, u32), ips: &[u64], name: &str) {
        self.note(|note| {
            note.what = Noted::Spawn { child, parent: parent.0, parent_tid: parent.1 };
            note.inner.iter_mut().zip(ips).for_each(|(place, ip)| *place = *ip);
            note.inner_len = ips.len();
            note.name.set(name);
        });
    }

    /// A piece of output at this time.
    #[cfg(test)]
    pub(crate) fn output(&self, text: &str, mono_ns: u64) {
        self.note(|note| {
            (note.what, note.mono_ns) = (Noted::Output { cut: false }, mono_ns);
            note.output.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
            note.output_len = text.len();
        });
    }
}

/// Set once, by the installer of an agent that audits.
static AUDIT: OnceBox<HarnessNotes> = OnceBox::new();

thread_local! {
    /// Whether this thread is writing a note. No destructor.
    static NOTING: Cell<bool> = const { Cell::new(false) };
}

/// Lets the probes note things from now on; before they are installed. `wake` is called on the thread that notes
/// when many notes wait; it must not allocate, lock or panic.
pub(crate) fn audit(wake: fn()) -> Option<&'static HarnessNotes> {
    // A second agent is refused before.
    let _first = AUDIT.set(Box::new(HarnessNotes::new(wake)));
    AUDIT.get()
}

/// Whether this process is an audited harness, and not a fork of one.
pub(super) fn is_audited() -> bool {
    notes().is_some()
}

fn notes() -> Option<&'static HarnessNotes> {
    AUDIT.get().filter(|notes| notes.home == fork::generation())
}

/// A thread is about to be started. `anchor` is as in [`short_walk`](crate::capture::stack::short_walk).
///
/// # Cost
/// No allocation; a walk down to the bottom of the stack.
#[cfg(panic_agent_probes)]
#[inline(never)]
pub(super) fn spawning(child: u64, parent: u64, parent_tid: u32, anchor: usize) {
    let Some(notes) = notes() else { return };
    notes.note(|note| {
        note.what = Noted::Spawn { child, parent, parent_tid };
        let ends = crate::capture::stack::both_ends(&mut note.inner, &mut note.outer, anchor);
        (note.inner_len, note.outer_len) = (ends.inner, ends.outer);
        note.name.clear();
        if crate::platform::std().is_foreign() {
            // The agent's own std knows no thread of the program's.
            crate::platform::std().first_name(&mut |name| note.name.set(name));
        } else if ends.std_thread {
            // std's thread start is below us on this stack, so its handle exists: no allocation, no panic.
            note.name.set(std::thread::current().name().unwrap_or_default());
        }
    });
}

/// The main thread wrote this to standard output.
///
/// # Cost
/// No allocation; one copy.
pub(super) fn said(bytes: &[u8]) {
    let Some(notes) = notes() else { return };
    notes.note(|note| {
        note.what = Noted::Output { cut: bytes.len() > OUTPUT };
        let kept = bytes.get(..bytes.len().min(OUTPUT)).unwrap_or_default();
        if let Some(place) = note.output.get_mut(..kept.len()) {
            place.copy_from_slice(kept);
            note.output_len = kept.len();
        }
    });
}

#[cfg(all(test, panic_agent_probes))]
mod tests {
    use super::*;

    #[test]
    fn notes_go_round_and_what_finds_no_box_is_counted() {
        let notes = HarnessNotes::new(|| ());
        for round in 0..3 {
            for number in 0..NOTES as u64 + 2 {
                notes.note(|note| {
                    note.what = Noted::Spawn { child: number, parent: round, parent_tid: 0 };
                });
            }
            assert_eq!(notes.lost(), 2 * (round + 1));
            for number in 0..NOTES as u64 {
                let note = notes.try_receive().unwrap();
                assert_eq!(note.what, Noted::Spawn { child: number, parent: round, parent_tid: 0 });
                assert_eq!((note.ips().count(), note.output().len()), (0, 0));
            }
            assert!(!notes.is_pending());
        }
    }

    #[test]
    fn a_note_inside_a_note_is_left_out_and_counted() {
        let notes = HarnessNotes::new(|| ());
        notes.note(|_| notes.note(|_| ()));
        assert_eq!(notes.lost(), 1);
        notes.note(|_| ());
        assert_eq!(notes.lost(), 1);
    }
}
