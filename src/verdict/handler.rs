//! Names the owner of a catch from the logical frames around the landing site.
//!
//! Runs on: the writer thread. Must not: name an owner without evidence. A function name alone is none:
//! the optimizer moves a `catch_unwind` call into its callers, and only line information shows that.

use super::families::{Family, family};
use super::{Root, abort, caught_by, reason};
use crate::record::{AbortReason, Handler, HandlerKind, Inlining, Prediction};
use crate::symbolize::{Logical, Stack, inside};

/// Logical frames looked at on either side of the landing site.
const AROUND: usize = 64;

/// The prediction for a catch in physical frame `stopper`; `root` is what the tables prove, and `structure` what the
/// functions around the catch do, where nothing tells what was inlined into them.
pub(super) fn name(stack: &Stack, stopper: usize, root: Root, structure: Option<HandlerKind>) -> Prediction {
    let here = stack.logical(stopper);
    let outward: Vec<&Logical> =
        (stopper..stack.end()).flat_map(|index| stack.logical(index)).take(AROUND).collect();
    // Inlined calls before the first catch are guarded by it; the tables say that the innermost catch of
    // this frame is the one.
    let catch = here.iter().position(Logical::is_catch);
    let owner_at = catch.map(|catch| {
        catch + outward.iter().skip(catch).take_while(|frame| frame.is_catch_machinery()).count()
    });
    let owner = owner_at.and_then(|at| outward.get(at).copied());
    // Without the call the function of the landing site would be a guess.
    let rooted = |kind| caught_by(handler(kind, owner), None);
    let is_root = |frame: &Logical| family(frame) == Family::ThreadRoot;
    let around_result =
        || owner.is_some_and(is_packet_drop) || catch.is_none() && here.iter().any(drops_packet);
    match root {
        Root::Main => return rooted(HandlerKind::MainRoot),
        Root::Thread | Root::ThreadOrResult if around_result() => {
            return abort(AbortReason::ThreadResultDrop);
        }
        Root::Thread => return rooted(HandlerKind::ThreadRoot),
        Root::ThreadOrResult if owner.or(here.last()).is_some_and(is_root) => {
            return rooted(HandlerKind::ThreadRoot);
        }
        Root::ThreadOrResult => return without_call(here, catch.is_some()),
        Root::None => {}
    }
    let by_structure = |frame: &Logical| {
        let kind = structure.filter(|_| stack.inlining(stopper) == Inlining::Unknown)?;
        Some(caught_by(Handler { kind, ..hint(frame) }, None))
    };
    let Some((owner_at, owner)) = owner_at.zip(owner) else {
        return here.last().and_then(by_structure).unwrap_or_else(|| without_call(here, catch.is_some()));
    };
    let inward = inward(stack, stopper, catch.unwrap_or_default());
    if owner.file.is_none() {
        let unnamed = || caught_by(hint(owner), Some(reason::HANDLER_NO_LINES));
        return by_structure(owner).unwrap_or_else(unnamed);
    }
    // std calls `catch_unwind` for itself at its roots; elsewhere it only passes a closure on.
    for (offset, frame) in outward.iter().skip(owner_at).enumerate() {
        if is_packet_drop(frame) {
            return abort(AbortReason::ThreadResultDrop);
        }
        if let Some(kind) = kind_of(frame, &inward, &outward[owner_at + offset..]) {
            return caught_by(handler(kind, Some(frame)), None);
        }
    }
    caught_by(hint(owner), Some(reason::HANDLER_NOT_FOUND))
}

/// A landing site at which no symbol is a `catch_unwind`, or whose caller was not recorded.
fn without_call(here: &[Logical], has_catch: bool) -> Prediction {
    let nothing = handler(HandlerKind::Unknown, None);
    let Some(frame) = here.last().filter(|frame| frame.foreign || frame.function.is_some()) else {
        return caught_by(nothing, Some(reason::HANDLER_NO_SYMBOLS));
    };
    let (handler, why) = match (&frame.file, has_catch) {
        _ if frame.foreign => {
            (Handler { line: None, ..handler(HandlerKind::Foreign, Some(frame)) }, reason::HANDLER_FOREIGN)
        }
        (_, true) => (nothing, reason::HANDLER_NOT_FOUND),
        (Some(_), false) => (hint(frame), reason::HANDLER_NOT_FOUND),
        (None, false) => (hint(frame), reason::HANDLER_NO_LINES),
    };
    caught_by(handler, Some(why))
}

/// Who owns a catch that this frame calls; `None` for functions of std that only pass a call on.
fn kind_of(frame: &Logical, inward: &[&Logical], outward: &[&Logical]) -> Option<HandlerKind> {
    let plain = frame.plain.as_str();
    let within = |prefix: &str| plain.starts_with(prefix);
    if let Some(wrapper) = wrapper(frame) {
        return wrapper;
    }
    // `thread::scope` catches the panic of its body to wait for its threads, and always raises it again.
    if within("std::thread::scoped::scope") {
        return None;
    }
    Some(if within("std::rt::") {
        HandlerKind::MainRoot
    } else if within("std::thread::")
        || within("std::sys::thread::")
        || within("std::sys::pal::unix::thread::")
    {
        HandlerKind::ThreadRoot
    } else if within("test::") && frame.is_std() {
        HandlerKind::TestHarness
    } else if frame.is_std() {
        return None;
    } else if within("tokio::") {
        tokio(inward, outward)
    } else if within("rayon_core::") || within("rayon::") {
        HandlerKind::Rayon
    } else if within("tower_http::catch_panic") {
        HandlerKind::Tower
    } else if within("futures_util::") || within("futures_lite::") {
        let user = outward.iter().find(|frame| !frame.is_std() && !frame.plain.starts_with("futures_"));
        match user {
            Some(user) if user.plain.starts_with("tower_http::catch_panic") => HandlerKind::Tower,
            _ => HandlerKind::Futures,
        }
    } else if frame.foreign {
        HandlerKind::Foreign
    } else {
        HandlerKind::User
    })
}

/// `None` for code that is none of this crate's wrappers; `Some(None)` for wrappers that catch for their caller.
fn wrapper(frame: &Logical) -> Option<Option<HandlerKind>> {
    // The path of a generic function's instance is this crate's, wherever it was compiled; with line tables only
    // the file tells.
    let of_path = frame.plain.strip_prefix("panic_agent::wrap::");
    let of_file = frame.file.as_deref().and_then(|file| inside(file, WRAPPERS));
    let rest = of_path.or(of_file)?;
    let module = rest.split([':', '/', '\\', '.']).next().unwrap_or_default();
    Some(match module {
        "thread" => Some(HandlerKind::ThreadRoot),
        "supervise" => Some(HandlerKind::Supervisor),
        "group" => Some(HandlerKind::TaskGroup),
        "ffi" => Some(HandlerKind::Ffi),
        "future" => Some(HandlerKind::Futures),
        "tokio" => Some(HandlerKind::TokioTask),
        "tower" => Some(HandlerKind::Tower),
        _ => None,
    })
}

/// Where the sources of the wrappers lie in this build.
const WRAPPERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wrap/");

/// A worker of tokio's runtime is itself a blocking task, so the nearest frames decide: what the catch
/// guards, then who drives it.
fn tokio(inward: &[&Logical], outward: &[&Logical]) -> HandlerKind {
    let near = |frames: &[&Logical]| {
        frames
            .iter()
            .filter(|frame| !frame.is_std() && !frame.plain.starts_with("tokio::loom::"))
            .take_while(|frame| frame.plain.starts_with("tokio::"))
            .find(|frame| !frame.plain.starts_with("tokio::runtime::task::"))
            .map(|frame| frame.plain.clone())
    };
    let is_blocking = match near(inward) {
        Some(inner) => inner.starts_with("tokio::runtime::blocking::task::"),
        None => near(outward).is_some_and(|outer| outer.starts_with("tokio::runtime::blocking::pool::")),
    };
    if is_blocking { HandlerKind::TokioBlocking } else { HandlerKind::TokioTask }
}

/// What the catch guards: logical frames from the catch towards the panic.
fn inward(stack: &Stack, stopper: usize, catch: usize) -> Vec<&Logical> {
    let here = stack.logical(stopper);
    let inlined = here.get(..catch).unwrap_or_default().iter().rev();
    // The frames next to a stopper beyond the recorded ones are not known.
    let next_to_it = if stopper <= stack.physical.len() { stopper } else { 0 };
    let inner = (stack.trimmed..next_to_it).rev();
    inlined.chain(inner.flat_map(|index| stack.logical(index).iter().rev())).take(AROUND).collect()
}

/// The function that drops the result of a thread, also where no line tells that it was inlined into its drop glue.
fn drops_packet(frame: &Logical) -> bool {
    let is_glue = |name: &str| {
        name.starts_with("core::ptr::drop_in_place")
            && name.contains("<std::thread::")
            && name.contains("::Packet<")
    };
    // The outermost catch of a thread in there can be no other, and std never inlines this function.
    let is_last_owner = frame.plain == "alloc::sync::Arc::drop_slow";
    is_packet_drop(frame) || is_last_owner || frame.function.as_deref().is_some_and(is_glue)
}

/// std drops the result of a thread under a catch and aborts when that panics.
fn is_packet_drop(frame: &Logical) -> bool {
    frame.plain.starts_with("std::thread::")
        && (frame.plain.contains("::Packet::drop")
            || frame.function.as_deref().is_some_and(|name| name.starts_with("drop<") || name == "drop"))
}

fn handler(kind: HandlerKind, call: Option<&Logical>) -> Handler {
    Handler {
        kind,
        function: call.and_then(|frame| frame.function.clone()),
        file: call.and_then(|frame| frame.file.clone()),
        line: call.and_then(|frame| frame.line),
    }
}

/// The function whose machine code holds the catch, without a claim on who owns it.
fn hint(frame: &Logical) -> Handler {
    Handler { kind: HandlerKind::Unknown, function: frame.function.clone(), file: None, line: None }
}
