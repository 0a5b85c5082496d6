//! The words that say why a prediction is unknown, or where a panic landed. Open: later versions may add more.
//!
//! Runs on: the writer thread. Must not: change a word without a note in the schema.

/// This platform has no unwind tables that the agent can read.
pub(crate) const UNSUPPORTED_PLATFORM: &str = "unsupported_platform";
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
