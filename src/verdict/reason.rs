//! The words that say why a prediction, a landing or a receipt is unknown. Open: later versions may add more.
//!
//! Runs on: the writer thread. Must not: change a word without a note in the schema.

/// This platform has no unwind tables that the agent can read.
pub(crate) const UNSUPPORTED_PLATFORM: &str = "unsupported_platform";
/// By names: a frame before the next catch has none.
pub(crate) const NAMES_MISSING: &str = "names_missing";
/// By names: nothing tells what was inlined into a frame before the next catch.
pub(crate) const NAMES_WITHOUT_LINES: &str = "names_without_lines";
/// By names: a frame of another language comes before the next catch.
pub(crate) const NAMES_FOREIGN_FRAME: &str = "names_foreign_frame";
/// By names: a destructor comes before the next catch, and perhaps it runs because another panic unwinds.
pub(crate) const NAMES_DESTRUCTOR: &str = "names_destructor";
/// By names: no frame is a catch.
pub(crate) const NAMES_NO_CATCH: &str = "names_no_catch";
/// The platform's unwinder walked the stack, and the tables were not read.
pub(crate) const TABLES_NOT_READ: &str = "tables_not_read";
/// No walk was made.
pub(crate) const NOT_WALKED: &str = "not_walked";
/// The walk ended before a stopper was found: too many frames.
pub(crate) const TOO_DEEP: &str = "too_deep";
/// The walk ended in an image that the agent does not know.
pub(crate) const UNKNOWN_IMAGE: &str = "unknown_image";
/// The walk could not go on.
pub(crate) const BROKEN_WALK: &str = "broken_walk";
/// The table of a frame before the stopper could not be read.
pub(crate) const UNREADABLE_TABLE: &str = "unreadable_table";
/// The walk names a stopper that stops nothing.
pub(crate) const NO_STOP_ACTION: &str = "no_stop_action";
/// Aborts, but whether in a destructor or at a boundary cannot be told.
pub(crate) const ABORT_WITHOUT_SYMBOLS: &str = "abort_unnamed_no_symbols";
/// A catch that is no root; without symbols nobody knows whose.
pub(crate) const HANDLER_NO_SYMBOLS: &str = "handler_unnamed_no_symbols";
/// A catch in a function whose inlined calls are not known.
pub(crate) const HANDLER_NO_LINES: &str = "handler_unnamed_no_line_info";
/// A catch with symbols, and none of them is a `catch_unwind` call.
pub(crate) const HANDLER_NOT_FOUND: &str = "handler_not_found";
/// A frame of another language catches; what that does to a Rust panic is up to its runtime.
pub(crate) const HANDLER_FOREIGN: &str = "handler_foreign";
/// A landing at a catch whose owner nobody could name.
pub(crate) const HANDLER_UNKNOWN: &str = "handler_unknown";
/// The thread went on where the frames of the unwinding cannot be, and no landing was seen.
pub(crate) const LEFT_BEHIND: &str = "unwinding_left";
/// The payload was dropped by code without symbols.
pub(crate) const DROPPED_AT_UNNAMED_PLACE: &str = "dropped_at_unnamed_place";
/// A scope may speak of this death, or has perhaps spoken of it.
pub(crate) const PERHAPS_SCOPED: &str = "perhaps_scoped";
/// Events of the probes were lost since the panic.
pub(crate) const EVENTS_LOST: &str = "events_lost";
/// The payload's memory was perhaps moved, and with it what is watched.
pub(crate) const PAYLOAD_MOVED: &str = "payload_moved";
/// Nothing watches the payload.
pub(crate) const PAYLOAD_NOT_TRACED: &str = "payload_not_traced";
/// The same, on a thread without a handle, which a scope may still observe.
pub(crate) const DETACHED_THREAD_OR_SCOPE: &str = "detached_thread_or_scope";
