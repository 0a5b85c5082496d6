//! Stage 5: which frame stops the panic, who owns it, and what that means for the panic.
//!
//! Runs on: the writer thread. Must not: do I/O, or guess: what cannot be told is `unknown` with a reason.

mod by_names;
mod families;
mod fate;
mod handler;
mod holder;
mod life;
mod reason;

pub(crate) use fate::{Outcome, fate_of_handler, level_of, settle};
pub(crate) use holder::Holder;
#[cfg(panic_agent_spool)]
pub(crate) use life::Outcome as Final;
pub(crate) use life::{DroppedBy, Stop};
pub(crate) use reason::HANDLER_UNKNOWN;
#[cfg(all(feature = "symbols", panic_agent_spool))]
pub(crate) use reason::{DROPPED_AT_UNNAMED_PLACE, PERHAPS_SCOPED};
pub(crate) use tracker::{Change, Lives, OfStack, Raise, Thread, Throw, place};
#[cfg(all(feature = "symbols", panic_agent_spool))]
pub(crate) use {life::Rule, tracker::Saw};

use crate::platform;
use crate::record::{
    AbortReason, EhAction, Handler, HandlerKind, Inlining, Prediction, PredictionSource, RawFlag, RawWalk,
    StopKind, ThreadStart, WalkEnd, WalkSource, worded,
};
use crate::symbolize::{Logical, Stack};

worded! {
    /// How the program was compiled.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Strategy {
        Unwind = "unwind",
        Abort = "abort",
    }
}

impl Strategy {
    /// The strategy of this build. The agent is compiled with the program, so it is the program's.
    pub(crate) const THIS_BUILD: Self = if cfg!(panic = "abort") { Self::Abort } else { Self::Unwind };
}

/// A prediction, and what it says beyond its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Predicted {
    pub(crate) prediction: Prediction,
    /// Certainly not the root of a thread nor of `main`, whoever the handler is: something in the program
    /// or in a runtime stops the panic.
    pub(crate) inside_root: bool,
    /// Who has the payload then.
    pub(crate) holder: Holder,
}

/// Says what will stop a panic, from its walk, the symbols, the panic strategy and the record's flags.
pub(crate) fn predict(walk: &RawWalk, stack: &Stack, strategy: Strategy, flags: u32) -> Predicted {
    let has = |flag: RawFlag| flags & flag as u32 != 0;
    if strategy == Strategy::Abort {
        return plain(abort(AbortReason::StrategyAbort));
    }
    // core raises these two itself and aborts after the hook, whatever the stack looks like.
    if has(RawFlag::CannotUnwind) {
        return plain(abort(AbortReason::NounwindBoundary));
    }
    if has(RawFlag::InCleanup) {
        return plain(abort(AbortReason::DropDuringUnwind));
    }
    if walk.stopper().is_none() && platform::current().prediction == platform::Prediction::Names {
        return by_names::predict(walk, stack, has(RawFlag::NothingElseUnwinds));
    }
    let mut predicted = by_tables(walk, stack, flags);
    if predicted.prediction.stop != StopKind::Unknown {
        predicted.prediction.source = Some(PredictionSource::Tables);
    }
    predicted
}

fn by_tables(walk: &RawWalk, stack: &Stack, flags: u32) -> Predicted {
    let has = |flag: RawFlag| flags & flag as u32 != 0;
    let end = walk.stopper().map_or(stack.physical.len(), |stopper| stopper as usize);
    if passes_tls_destructor(stack, end) {
        return plain(abort(AbortReason::TlsDestructor));
    }
    let Some(stopper) = walk.stopper() else { return plain(without_stopper(walk)) };
    let searched = stack.physical.get(walk.search_start as usize..).unwrap_or_default();
    let before = searched.iter().take(end.saturating_sub(walk.search_start as usize));
    if before.clone().any(|frame| frame.action == EhAction::Unknown) {
        return plain(unknown(reason::UNREADABLE_TABLE));
    }
    let action = EhAction::from_u8(walk.stop_action);
    let mut holder = Holder::Unknown;
    let (mut prediction, inside_root) = match action {
        EhAction::Filter | EhAction::Terminate if has(RawFlag::Nested) => (nested_stop(stack, end), false),
        EhAction::Filter | EhAction::Terminate if !has(RawFlag::NothingElseUnwinds) => {
            let by_names = nested_stop(stack, end);
            // Only that it is no destructor can be told, if at all.
            let boundary = by_names.abort_reason == Some(AbortReason::NounwindBoundary);
            (if boundary { by_names } else { unnamed_abort() }, false)
        }
        EhAction::Filter | EhAction::Terminate => (boundary(stack, end), false),
        EhAction::Catch => {
            let root = Root::of(walk);
            let structure = holder::by_structure(walk, stack, end);
            let named = handler::name(stack, end, root, structure.kind);
            holder = match named.handler.as_ref().map_or(Holder::Unknown, |named| Holder::of_kind(named.kind))
            {
                Holder::Unknown if root != Root::ThreadOrResult => structure.holder,
                named => named,
            };
            // A wrapper of ours may be the last thing on its thread; without symbols nobody can tell. Else a catch further in
            // than another one is no root, also where the stack ends for want of tables, as with musl's start of a program.
            let tables_tell = (!has(RawFlag::Wrapped) || named.handler.as_ref().is_some_and(is_named))
                && WalkEnd::from_u8(walk.end).is_end_of_stack()
                && walk.outermost_catch != walk.stopper;
            // Nor is a root's catch inlined into a function of the program, which it calls through a pointer.
            (named, root == Root::None && (tables_tell || structure.holder == Holder::Program))
        }
        _ => return plain(unknown(reason::NO_STOP_ACTION)),
    };
    // Only what is in the walk is numbered from the first kept frame.
    prediction.frame = stopper.checked_sub(u32::try_from(stack.trimmed).unwrap_or(u32::MAX));
    prediction.action = Some(action);
    Predicted { prediction, inside_root, holder }
}

fn is_named(handler: &Handler) -> bool {
    handler.kind != HandlerKind::Unknown
}

/// What the tables alone tell of the stopper as a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// It is the catch of `lang_start` around `main`.
    Main,
    /// It is the root of a thread of std.
    Thread,
    /// The same, or std's catch around the result of the thread, which the thread drops at its end if it is detached.
    ThreadOrResult,
    /// It is none, or nothing tells.
    None,
}

impl Root {
    /// Every thread of std has a catch at its root and `main` has one in `lang_start`. The outermost catch of a stack whose
    /// bottom is std's thread start is that root, unless the root is over already.
    fn of(walk: &RawWalk) -> Self {
        match walk.thread_start() {
            _ if walk.at_main_start == 1 => Self::Main,
            _ if walk.stopper != walk.outermost_catch => Self::None,
            ThreadStart::CallsCatch | ThreadStart::LikeOwn => Self::Thread,
            ThreadStart::Beyond => Self::ThreadOrResult,
            ThreadStart::Absent => Self::None,
        }
    }
}

/// A panic leaving a thread-local's destructor aborts; std's guard for it is no catch.
fn passes_tls_destructor(stack: &Stack, end: usize) -> bool {
    (stack.trimmed..end.min(stack.physical.len()))
        .flat_map(|index| stack.logical(index))
        .any(guards_tls_destructors)
}

/// Whether this is std's guard around the destructors of thread-locals.
fn guards_tls_destructors(frame: &Logical) -> bool {
    frame.plain.ends_with("abort_on_dtor_unwind")
}

/// Whether a frame is the C library's, which calls the destructors of thread-locals.
fn runs_tls_destructors(stack: &Stack, index: usize) -> bool {
    // With its debug information, glibc's function has a local name, `__GI_...`.
    let caller = |name: &str| name.ends_with("call_tls_dtors") || name.ends_with("nptl_deallocate_tsd");
    stack.logical(index).iter().any(|frame| caller(&frame.plain))
}

/// A frame that must not unwind, the first one on the way. Its name would tell std's guard around the
/// destructors of thread-locals from a boundary of the program; without a name the neighbours must do.
fn boundary(stack: &Stack, stopper: usize) -> Prediction {
    if runs_tls_destructors(stack, stopper.saturating_add(1)) {
        return abort(AbortReason::TlsDestructor);
    }
    let unnamed = stack.logical(stopper).iter().all(|frame| frame.function.is_none());
    // musl's caller of those destructors ends the walk, and bears no name in a stripped static executable.
    let hidden = cfg!(target_env = "musl");
    if unnamed && (hidden || (stopper..stack.physical.len()).any(|outer| runs_tls_destructors(stack, outer)))
    {
        return unnamed_abort();
    }
    abort(AbortReason::NounwindBoundary)
}

/// Aborts; which of the reasons it is cannot be told without names.
fn unnamed_abort() -> Prediction {
    Prediction {
        reason: Some(reason::ABORT_WITHOUT_SYMBOLS.to_owned()),
        abort_reason: None,
        ..abort(AbortReason::NounwindBoundary)
    }
}

/// A frame that must not unwind, while another panic is unwinding: either a destructor that cleanup called
/// or an ordinary boundary further in. Both read the same in the tables.
fn nested_stop(stack: &Stack, stopper: usize) -> Prediction {
    let inlined = stack.logical(stopper);
    let callee = stopper.checked_sub(1).map_or(&[][..], |inner| stack.logical(inner));
    let named = |frames: &[Logical]| frames.iter().any(|frame| frame.function.is_some());
    if callee.last().is_some_and(|frame| frame.is_drop()) || inlined.iter().any(|frame| frame.is_drop()) {
        return abort(AbortReason::DropDuringUnwind);
    }
    if named(inlined) && named(callee) && stack.inlining(stopper) == Inlining::Known {
        return abort(AbortReason::NounwindBoundary);
    }
    unnamed_abort()
}

fn without_stopper(walk: &RawWalk) -> Prediction {
    match WalkEnd::from_u8(walk.end) {
        // Where the tables end, the unwinder ends too, and std aborts.
        WalkEnd::Bottom | WalkEnd::NoUnwindInfo if WalkSource::from_u8(walk.source) == WalkSource::Tables => {
            Prediction { stop: StopKind::None, ..abort(AbortReason::NoHandler) }
        }
        WalkEnd::Bottom | WalkEnd::NoUnwindInfo => unknown(reason::TABLES_NOT_READ),
        WalkEnd::NotWalked => unknown(reason::NOT_WALKED),
        WalkEnd::TooDeep => unknown(reason::TOO_DEEP),
        WalkEnd::UnknownImage => unknown(reason::UNKNOWN_IMAGE),
        WalkEnd::Broken | WalkEnd::StopperFound => unknown(reason::BROKEN_WALK),
    }
}

fn plain(prediction: Prediction) -> Predicted {
    Predicted { prediction, inside_root: false, holder: Holder::Unknown }
}

fn abort(why: AbortReason) -> Prediction {
    Prediction { abort_reason: Some(why), ..Prediction::of(StopKind::Abort) }
}

fn unknown(reason: &str) -> Prediction {
    Prediction { reason: Some(reason.to_owned()), ..Prediction::of(StopKind::Unknown) }
}

fn caught_by(handler: Handler, reason: Option<&str>) -> Prediction {
    let reason = reason.map(str::to_owned);
    Prediction { handler: Some(handler), reason, ..Prediction::of(StopKind::Catch) }
}

pub(crate) mod follow;
mod follow_harness;
#[cfg(test)]
mod follow_tests;
mod lineage;
mod probe_events;
#[cfg(test)]
mod tests;
mod tracker;
pub(crate) mod verdict_text;
