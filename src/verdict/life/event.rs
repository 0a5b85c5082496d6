//! What can happen to one panic, as far as the life-cycle machine is concerned.
//!
//! Runs on: the writer thread. Must not: do I/O.

use std::sync::Arc;

use crate::record::{AbortReason, DetachState, Fate, Handler, Place, StopKind};
use crate::verdict::Holder;

/// What the hook knew: what the unwind tables promise, and whether a `JoinHandle` existed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Predicted {
    /// What stops the unwinding.
    pub(crate) stop: StopKind,
    /// Where.
    pub(crate) at: Stop,
    /// Why the process aborts, if it does.
    pub(crate) abort_reason: Option<AbortReason>,
    /// Whether somebody could join the thread then.
    pub(crate) detached: DetachState,
}

/// Where a throw stops, as its stack tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Return address of the stopper; 0 for none.
    pub(crate) ip: u64,
    /// The fate of a panic that stops there.
    pub(crate) fate: Fate,
    /// Who catches.
    pub(crate) handler: Option<Arc<Handler>>,
    /// Whether it is certainly no root of a thread or of `main`.
    pub(crate) inside_root: bool,
    /// Who has the payload then.
    pub(crate) holder: Holder,
    /// Whether destructors of functions that were inlined into that frame run before the catch; `None` when the table
    /// could not be read.
    pub(crate) cleans: Option<bool>,
}

impl Default for Stop {
    /// A place of which nothing is known.
    fn default() -> Self {
        Self {
            ip: 0,
            fate: Fate::Unknown,
            handler: None,
            inside_root: false,
            holder: Holder::Unknown,
            cleans: None,
        }
    }
}

/// One fact about one panic. Facts are applied in the order in which they happened on the thread
/// concerned; facts of different threads may interleave in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LifeEvent {
    /// The hook ran.
    Hooked(Predicted),
    /// The unwinder was entered: the first time for the panic itself, later times for re-raises of the
    /// same payload.
    Thrown {
        /// Whether the payload's reads and drops can be seen from here on.
        traced: bool,
    },
    /// A catch's landing pad was entered.
    Landed(Stop),
    /// A wrapper of this crate says that it stopped the panic. With the landing probe, after its landing.
    Wrapped(Stop),
    /// The unwinder came back: there is no handler on the stack.
    EndOfStack,
    /// Something makes the process abort before this panic can land.
    MustAbort(Option<AbortReason>),
    /// The process aborts, and perhaps because of this panic: it may have landed before, or may have been unwinding.
    Doubted,
    /// The thread was seen doing something else: the panic is over, wherever it landed.
    ThreadWentOn,
    /// The thread runs where the frames of this unwinding cannot be: it has landed, or was left without a landing
    /// (`longjmp`), or waits on another stack.
    LeftBehind,
    /// Somebody asked the payload for its type: `downcast`, `downcast_ref`, `is`, a `Display`.
    Read(Place),
    /// The payload was dropped.
    Dropped {
        /// In whose code.
        by: DroppedBy,
        /// Where.
        place: Place,
    },
    /// A payload of this kind was touched outside of its box, and it may have been this one.
    PerhapsMoved,
    /// Another panic speaks of this one and carries it on.
    Carried,
    /// A `thread::scope` may have spawned the thread: it will report the death then, unless the program joins the thread.
    AwaitsScope,
    /// The threads whose scope could have reported the death have ended.
    ScopesAreOver,
    /// The `thread::scope` that owns the thread reported the death to its caller.
    ScopeObserved,
    /// A scope reported a death, and this may be the one it speaks of.
    ScopeAmbiguous,
    /// Events were lost while this panic was open: what did not come proves nothing any more.
    EvidenceLost,
    /// The process ends. `watched`: raises are seen, so one that has not come will not come.
    ProcessEnds {
        /// Whether the raise probe works.
        watched: bool,
    },
}

/// In whose code a payload was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DroppedBy {
    /// The program, or a library that had been given the error.
    Program,
    /// The runtime that stored it: a thread's packet, a task's cell.
    Runtime,
    /// Cannot be told, usually for want of symbols.
    Unknown,
}
