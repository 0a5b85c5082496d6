//! The last panics of a thread, kept for a wrapper that is about to catch one of them.
//!
//! Runs on: the panicking thread, inside the hook (`note`), and any thread inside a wrapper (the rest).
//! Must not: allocate, lock, panic, or own a destructor: wrappers run in destructors of thread-locals, too.

use core::any::{Any, TypeId};
use core::cell::{Cell, RefCell};
use std::panic::Location;

use crate::record::FixedText;

/// Panics of a thread that are remembered. A wrapper asks for the newest one; more than two need destructors
/// that panic and catch inside each other.
const KEPT: usize = 4;
/// What is left of a count to find its place.
const LOW_BITS: u64 = KEPT as u64 - 1;
const _: () = assert!(KEPT.is_power_of_two(), "places are found by the low bits");
/// Bytes of `file` in a location.
const FILE_BYTES: usize = 256;

thread_local! {
    static LOCAL: Local = const { Local::new() };
}

struct Local {
    /// Panics noted on this thread.
    noted: Cell<u64>,
    /// Wrappers that enclose what runs now.
    enclosing: Cell<u32>,
    /// Of these, wrappers that want no console output.
    silent: Cell<u32>,
    kept: RefCell<[Recent; KEPT]>,
}

impl Local {
    const fn new() -> Self {
        Self {
            noted: Cell::new(0),
            enclosing: Cell::new(0),
            silent: Cell::new(0),
            kept: RefCell::new([const { Recent::NONE }; KEPT]),
        }
    }
}

/// What the hook knew of a panic.
#[derive(Clone, Copy)]
pub(crate) struct Recent {
    /// Number in this process; [`LOST`](crate::probe::LOST) when the report was lost.
    pub(crate) sequence: u64,
    /// Whether there was no agent, so that the number is not one of a report.
    pub(crate) unreported: bool,
    /// Raised while an earlier panic of the thread was unwinding.
    nested: bool,
    /// Place of the `panic!`; line 0 when there is none.
    file: FixedText<FILE_BYTES>,
    line: u32,
    column: u32,
    identity: Identity,
}

/// Tells a payload from others while it moves from the hook to the catch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// Address and length of a text: its bytes stay where they are.
    Text(usize, usize),
    /// The type of any other payload, whose value moves.
    Type(TypeId),
    None,
}

impl Identity {
    fn of(payload: &(dyn Any + Send)) -> Self {
        let text = match payload.downcast_ref::<String>() {
            Some(text) => Some(text.as_str()),
            None => payload.downcast_ref::<&'static str>().copied(),
        };
        match text {
            Some(text) if !text.is_empty() => Self::Text(text.as_ptr().addr(), text.len()),
            // An empty text has no bytes of its own.
            _ => Self::Type(payload.type_id()),
        }
    }
}

impl Recent {
    const NONE: Self = Self {
        sequence: 0,
        unreported: false,
        nested: false,
        file: FixedText::new(),
        line: 0,
        column: 0,
        identity: Identity::None,
    };

    /// File, line and column of the `panic!`; `None` for a panic without a hook call.
    pub(crate) fn location(&self) -> Option<(&str, u32, u32)> {
        (self.line != 0).then(|| (self.file.as_str(), self.line, self.column))
    }
}

/// A wrapper encloses what runs on this thread, until this is dropped.
#[derive(Debug)]
pub(crate) struct Enclosing {
    /// Panics noted before.
    since: u64,
    silent: bool,
}

impl Enclosing {
    /// # Cost
    /// Two loads and a store.
    #[inline]
    pub(crate) fn enter(silent: bool) -> Self {
        let since = LOCAL.try_with(|local| {
            local.enclosing.set(local.enclosing.get().wrapping_add(1));
            if silent {
                local.silent.set(local.silent.get().wrapping_add(1));
            }
            local.noted.get()
        });
        Self { since: since.unwrap_or(0), silent }
    }

    /// The panic with this payload, raised since this wrapper began. `sequence` is its number if that is known.
    /// `None` when there was no such panic, and when two could be meant.
    ///
    /// Asks the payload for its type.
    pub(crate) fn find(&self, payload: &(dyn Any + Send), sequence: Option<u64>) -> Option<Recent> {
        let identity = Identity::of(payload);
        LOCAL
            .try_with(|local| {
                let kept = local.kept.try_borrow().ok()?;
                let new = local.noted.get().wrapping_sub(self.since).min(KEPT as u64);
                let newest_first = (1..=new).filter_map(|back| {
                    let at = local.noted.get().wrapping_sub(back) & LOW_BITS;
                    kept.get(at as usize)
                });
                if let Some(sequence) = sequence {
                    return newest_first.into_iter().find(|recent| recent.sequence == sequence).copied();
                }
                let mut alike = newest_first.filter(|recent| recent.identity == identity);
                let found = alike.next()?;
                // What was raised while another one was unwinding may be over, and the other one be meant.
                (!found.nested || alike.next().is_none()).then_some(*found)
            })
            .ok()
            .flatten()
    }
}

impl Drop for Enclosing {
    #[inline]
    fn drop(&mut self) {
        // Without thread-locals nothing was entered.
        let _ = LOCAL.try_with(|local| {
            local.enclosing.set(local.enclosing.get().wrapping_sub(1));
            if self.silent {
                local.silent.set(local.silent.get().wrapping_sub(1));
            }
        });
    }
}

/// Whether a wrapper encloses what runs on this thread.
pub(super) fn is_enclosed() -> bool {
    LOCAL.try_with(|local| local.enclosing.get() > 0).unwrap_or(false)
}

/// Whether an enclosing wrapper wants no console output.
pub(super) fn is_silent() -> bool {
    LOCAL.try_with(|local| local.silent.get() > 0).unwrap_or(false)
}

/// Remembers a panic.
///
/// # Cost
/// One bounded copy, and the question for the payload's type.
pub(super) fn note(
    sequence: u64,
    unreported: bool,
    nested: bool,
    location: Option<&Location<'_>>,
    payload: &(dyn Any + Send),
) {
    keep(sequence, unreported, nested, location, Identity::of(payload));
}

/// Remembers a panic without a hook call; `text` is the payload, if it is one. Any other payload of that kind is
/// known by its number alone.
pub(super) fn note_unhooked(sequence: u64, text: Option<&str>) {
    let identity = match text {
        Some(text) if !text.is_empty() => Identity::Text(text.as_ptr().addr(), text.len()),
        _ => Identity::None,
    };
    keep(sequence, false, false, None, identity);
}

/// Remembers a panic that is about to be thrown once more, perhaps on another thread.
pub(crate) fn note_again(recent: &Recent) {
    with_next(|next| *next = *recent);
}

fn keep(sequence: u64, unreported: bool, nested: bool, location: Option<&Location<'_>>, identity: Identity) {
    with_next(|next| {
        (next.sequence, next.unreported, next.nested, next.identity) =
            (sequence, unreported, nested, identity);
        next.file.set(location.map_or("", Location::file));
        next.line = location.map_or(0, Location::line);
        next.column = location.map_or(0, Location::column);
    });
}

fn with_next(write: impl FnOnce(&mut Recent)) {
    // Without thread-locals nobody will ask.
    let _ = LOCAL.try_with(|local| {
        let Ok(mut kept) = local.kept.try_borrow_mut() else { return };
        let noted = local.noted.get();
        if let Some(next) = kept.get_mut((noted & LOW_BITS) as usize) {
            write(next);
            local.noted.set(noted.wrapping_add(1));
        }
    });
}
