//! Tries the probes on a private payload before anything is believed of them: is a raise seen, is the
//! exception laid out as expected, is its landing seen, and do a traced payload's reads and drop arrive?
//!
//! Runs on: the thread that installs the agent; the `saw`-functions on any thread, where they answer "not
//! me". Must not: be run while this thread is panicking. No hook is called and nothing is printed.

use core::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::raise::{Cause, Exception};
use super::thread_state::{Flight, Local, Trial};
use super::{dispose, thread_state, vtable};
use crate::record::EhAction;

const RAISED: u8 = 1;
const LAYOUT: u8 = 1 << 1;
const LANDED: u8 = 1 << 2;
/// The payload was asked for its type.
pub(super) const READ: u8 = 1 << 3;
/// The payload was dropped.
pub(super) const DROPPED: u8 = 1 << 4;
const VALUE: u8 = 1 << 5;
/// The exception lay across two pages, and nothing was read.
const ACROSS_PAGES: u8 = 1 << 6;
/// Exceptions that may lie so: an allocator that lays all of them so is not known.
const TRIES: usize = 16;

/// What it tells, once it is over.
impl Trial {
    pub(super) fn raise(self) -> Result<(), &'static str> {
        self.check(&[(RAISED, "the raise")])
    }

    pub(super) fn land(self) -> Result<(), &'static str> {
        self.check(&[(RAISED, "the raise"), (LANDED, "the landing")])
    }

    /// The canary of exceptions that may be traced.
    pub(super) fn dispose(self) -> Result<usize, &'static str> {
        self.check(&[
            (RAISED, "the raise"),
            (LAYOUT, "the payload where std keeps it"),
            (READ, "the read of the payload"),
            (DROPPED, "the drop of the payload"),
            (VALUE, "the payload unchanged"),
        ])?;
        Ok(self.canary)
    }

    fn check(self, wanted: &[(u8, &'static str)]) -> Result<(), &'static str> {
        let missing = wanted.iter().find(|(bit, _)| self.seen & bit == 0);
        missing.map_or(Ok(()), |(_, missing)| Err(missing))
    }
}

/// A payload of an odd size and a large alignment, so that a wrong layout shows.
#[repr(align(64))]
struct Private([u8; 3]);

impl Drop for Private {
    fn drop(&mut self) {
        // Seen by nobody; it only makes sure that there is drop glue to call.
        self.0 = [0; 3];
    }
}

/// Tries until an exception lies within a page.
pub(super) fn run() -> Trial {
    // What is kept takes the place of the exception before and moves the next one to another. It is seen, or the compiler
    // would leave it out, and has no content: zeros would come from `calloc`, which passes over what a thread gave back last.
    let mut kept = [const { None }; TRIES];
    let mut outcome = once();
    for place in &mut kept {
        if outcome.seen & ACROSS_PAGES == 0 {
            break;
        }
        *place = Some(core::hint::black_box(Box::<Exception>::new_uninit()));
        outcome = once();
    }
    drop(kept);
    outcome
}

/// Raises, catches, reads and drops the private payload.
fn once() -> Trial {
    const CONTENT: [u8; 3] = [0x5a, 0xa5, 0x3c];
    let payload: Box<dyn Any + Send> = Box::new(Private(CONTENT));
    let mut trial = Trial { payload: dispose::halves(&*payload), seen: 0, canary: 0 };
    thread_state::with(|local| local.trial.set(Some(trial)));
    let caught = catch_unwind(AssertUnwindSafe(move || resume_unwind(payload)));
    let value = match &caught {
        Err(caught) => {
            let same = caught.downcast_ref::<Private>().is_some_and(|private| private.0 == CONTENT);
            let wrong = caught.is::<String>();
            let shape = (size_of_val(&**caught), align_of_val(&**caught));
            same && !wrong && shape == (size_of::<Private>(), align_of::<Private>())
        }
        Ok(never) => *never,
    };
    drop(caught);
    trial = thread_state::with(|local| local.trial.take()).flatten().unwrap_or(trial);
    if value {
        trial.seen |= VALUE;
    }
    trial
}

/// A raise on the thread that runs the trial.
///
/// # Safety
/// `exception` is live and about to be raised by this thread.
pub(super) unsafe fn raised(local: &Local, exception: *mut Exception) {
    let Some(mut trial) = local.trial.get() else { return };
    trial.seen |= RAISED;
    local.begin(Flight { exception: exception.addr(), ..Flight::NONE });
    // SAFETY: as promised to this function.
    let Some(Cause { canary, data, vtable: table }) = (unsafe { cause(exception) }) else {
        trial.seen |= ACROSS_PAGES;
        local.trial.set(Some(trial));
        return;
    };
    if [data, table] == trial.payload {
        // SAFETY: the vtable is the payload's, made by this compiler.
        if let Some(traced) = unsafe { vtable::traced(table) } {
            trial.seen |= LAYOUT;
            trial.canary = canary;
            // SAFETY: the two words were just found to be the payload, which this thread owns, so the exception is as
            // large as expected.
            unsafe { (*exception).cause.vtable = traced.address() };
        }
    }
    local.trial.set(Some(trial));
}

/// What lies where std's part of an exception is expected; `None` where that could be read only if it is there.
///
/// # Safety
/// `exception` is live: at least the unwinder's part of it is there.
unsafe fn cause(exception: *mut Exception) -> Option<Cause> {
    const PAGE: usize = 4096;
    // The unwinder's part is mapped, and so is the rest of its page, whatever it belongs to.
    if exception.addr() % PAGE > PAGE.wrapping_sub(size_of::<Exception>()) {
        return None;
    }
    let words = exception.wrapping_byte_add(core::mem::offset_of!(Exception, cause)).cast::<usize>();
    let word = |number: usize| {
        // SAFETY: aligned, and on a mapped page, as above. Volatile: should std's part be smaller than expected, the
        // word is another block's, which other threads may write.
        unsafe { words.wrapping_add(number).read_volatile() }
    };
    Some(Cause { canary: word(0), data: word(1), vtable: word(2) })
}

/// A landing: whether it was the trial's.
pub(super) fn landed(local: &Local, action: EhAction) -> bool {
    let Some(mut trial) = local.trial.get() else { return false };
    if action == EhAction::Catch {
        trial.seen |= LANDED;
    }
    local.trial.set(Some(trial));
    true
}

/// A read or a drop: whether it was the trial's.
pub(super) fn saw(payload: usize, what: u8) -> bool {
    thread_state::with(|local| {
        let Some(mut trial) = local.trial.get().filter(|trial| trial.payload[0] == payload) else {
            return false;
        };
        trial.seen |= what;
        local.trial.set(Some(trial));
        true
    })
    .unwrap_or(false)
}
