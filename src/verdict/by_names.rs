//! Where a panic stops, by the names of its frames alone, where no unwind tables are read.
//!
//! A name proves that a function is on the stack; the lack of a name proves nothing. So the innermost `catch_unwind` that the
//! names show is the stopper only if nothing further in can be another one: every frame up to it has a name, debug information
//! says what was inlined into it, and none belongs to another language. That a frame must not unwind no name tells: core then
//! raises a second panic, whose hook call corrects the prediction, as it does where the tables are wrong.
//!
//! Runs on: the writer thread. Must not: do I/O, or take the lack of a name for a proof.

use super::{Holder, Predicted, Root, abort, handler, plain, reason, unknown};
use crate::record::{AbortReason, HandlerKind, Inlining, Prediction, PredictionSource, RawWalk, WalkEnd};
use crate::symbolize::{Logical, Naming, Stack};

/// What the names show first, from the panic outwards.
enum First {
    /// A `catch_unwind` in this physical frame.
    Catch(usize),
    /// std's guard around the destructors of thread-locals.
    TlsDestructor,
    /// Something may stop the panic before any catch that is seen, or nothing is seen at all.
    Unknown(&'static str),
}

/// The prediction. `alone` is whether the thread certainly unwinds no other panic.
pub(super) fn predict(walk: &RawWalk, stack: &Stack, alone: bool) -> Predicted {
    let (prediction, holder) = match first(walk, stack, alone) {
        First::Catch(stopper) => {
            let mut prediction = handler::name(stack, stopper, Root::None, None);
            let trimmed = stack.trimmed;
            prediction.frame = stopper.checked_sub(trimmed).and_then(|frame| u32::try_from(frame).ok());
            let kind = prediction.handler.as_ref().map_or(HandlerKind::Unknown, |handler| handler.kind);
            (prediction, Holder::of_kind(kind))
        }
        First::TlsDestructor => (abort(AbortReason::TlsDestructor), Holder::Unknown),
        First::Unknown(why) => return plain(unknown(why)),
    };
    let prediction = Prediction { source: Some(PredictionSource::Names), ..prediction };
    Predicted { prediction, inside_root: false, holder }
}

fn first(walk: &RawWalk, stack: &Stack, alone: bool) -> First {
    if stack.naming == Naming::Off {
        return First::Unknown(reason::UNSUPPORTED_PLATFORM);
    }
    for index in stack.trimmed..stack.physical.len() {
        let here = stack.logical(index);
        if here.iter().any(|frame| frame.function.is_none()) {
            return First::Unknown(reason::NAMES_MISSING);
        }
        if here.iter().any(|frame| frame.foreign) {
            return First::Unknown(reason::NAMES_FOREIGN_FRAME);
        }
        if here.iter().any(super::guards_tls_destructors) {
            return First::TlsDestructor;
        }
        if stack.inlining(index) == Inlining::Unknown && !is_bare_try(stack, index) {
            return First::Unknown(reason::NAMES_WITHOUT_LINES);
        }
        let catch = here.iter().position(Logical::is_catch);
        // If a destructor runs because another panic unwinds, the process aborts at it.
        if !alone && here.iter().take(catch.unwrap_or(here.len())).any(Logical::is_drop) {
            return First::Unknown(reason::NAMES_DESTRUCTOR);
        }
        if catch.is_some() {
            return First::Catch(index);
        }
    }
    First::Unknown(match WalkEnd::from_u8(walk.end) {
        WalkEnd::NotWalked => reason::NOT_WALKED,
        WalkEnd::TooDeep => reason::TOO_DEEP,
        _ => reason::NAMES_NO_CATCH,
    })
}

/// Whether this is the compiler's own function around a `catch_unwind`, which has no lines, and certainly nothing is inlined into
/// it: all that it calls stands beside it.
fn is_bare_try(stack: &Stack, index: usize) -> bool {
    let only = |index: usize| match stack.logical(index) {
        [] => None,
        [.., physical] => Some(physical),
    };
    let callee = index.checked_sub(1).filter(|callee| *callee >= stack.trimmed).and_then(only);
    only(index).is_some_and(Logical::is_catch)
        && callee.is_some_and(|callee| callee.is_catch_machinery() && !callee.is_catch())
}

#[cfg(test)]
mod tests;
