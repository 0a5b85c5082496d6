//! Labels: what the program is doing, as key and value, for the reports of panics that happen meanwhile.
//!
//! Runs on: every thread of the program; `copy_into` on the panicking thread.
//! Must not: allocate on a thread (process labels may); call the program's code inside a borrow.

mod arena;
#[cfg(all(panic_agent_probes, feature = "preload"))]
pub(crate) mod for_program;
pub(crate) mod process;
pub(crate) mod request;
pub(crate) mod scope;
#[cfg(test)]
mod tests;
mod trace_context;

use core::fmt::{self, Write as _};
use core::marker::PhantomData;

pub use process::{remove_process_label, set_process_label};
pub use trace_context::{ParseTraceContextError, TraceContext};

#[cfg(feature = "log")]
pub use super::breadcrumbs::LogBreadcrumbs;
#[cfg(feature = "breadcrumbs")]
pub use super::breadcrumbs::{__breadcrumb, breadcrumb};
use super::nesting;
use crate::record::LabelBytes;
use crate::record::{FixedText, RawRecord, start_of};
use crate::sys::preloaded;

/// Key of the label that says that panics are meant to happen; see `expect_panic`.
pub(crate) const EXPECTED: &str = "panic_agent.expected";

/// Bytes of a key that are kept.
const KEY_BYTES: usize = 64;
/// Bytes of a value that are kept.
const VALUE_BYTES: usize = 256;

/// Sets a label on this thread until the guard is dropped.
///
/// Every panic of this thread is reported with it. Scopes nest: a label shadows an outer one with the same key until its
/// guard is dropped. A thread that you spawn meanwhile starts without it, unless you set
/// [`inherit_labels`](crate::AgentBuilder::inherit_labels). You may drop guards in any order; each removes its own label. A
/// guard that is forgotten keeps its label until the thread ends.
///
/// A key has at most 64 bytes, a value 256, and all labels of a thread together 1024. Longer ones are cut or dropped, and the
/// report has a soft error.
///
/// # Panics
/// Only if the `Display` of `value` panics. Then no label is set.
///
/// # Examples
/// ```
/// let _request = panic_agent::label("request", 17);
/// {
///     let _request = panic_agent::label("request", 18); // in force
/// }
/// // 17 again
/// ```
/// Bind the guard to a name: `let _ = panic_agent::label(..)` removes the label at once.
///
/// # Cost
/// No allocation (unless `Display` allocates); one formatting and one copy.
#[must_use = "the label is in force only as long as the guard lives"]
pub fn label(key: &str, value: impl fmt::Display) -> LabelGuard {
    // Before the arena is touched: `Display` may set labels itself, or panic.
    let mut text = FixedText::<VALUE_BYTES>::new();
    // An error of `Display` leaves what it wrote until then; `FixedText` itself never fails.
    let _ = write!(text, "{value}");
    nesting::forget_if_landed();
    let kept = start_of(key, KEY_BYTES);
    let cut = kept.len() < key.len() || text.is_truncated();
    let preloaded = preloaded::push_label(kept, text.as_str(), cut);
    LabelGuard { entry: arena::push(kept, text.as_str(), cut), preloaded, _thread: PhantomData }
}

/// Keeps a label set; see [`label`].
///
/// Belongs to the thread on which it was made:
/// ```compile_fail
/// let guard = panic_agent::label("request", 17);
/// std::thread::spawn(move || drop(guard));
/// ```
#[derive(Debug)]
#[must_use = "the label is in force only as long as the guard lives"]
pub struct LabelGuard {
    entry: arena::Entry,
    /// Number of the same label with an agent that was loaded before the program; 0 for none.
    preloaded: u64,
    _thread: PhantomData<*const ()>,
}

impl Drop for LabelGuard {
    fn drop(&mut self) {
        arena::remove(self.entry);
        preloaded::remove_label(self.preloaded);
        nesting::forget_if_landed();
    }
}

/// Several labels with one guard; see [`labels!`](crate::labels!).
#[derive(Debug)]
#[must_use = "the labels are in force only as long as the guard lives"]
pub struct LabelSet<const N: usize> {
    /// Held for their drop.
    _guards: [LabelGuard; N],
}

impl<const N: usize> From<[LabelGuard; N]> for LabelSet<N> {
    /// Joins guards into one.
    fn from(guards: [LabelGuard; N]) -> Self {
        Self { _guards: guards }
    }
}

/// Sets several labels on this thread, and returns one guard for all of them.
///
/// A key is a string literal, or an identifier that stands for its own name. See [`label`](crate::label()).
///
/// # Examples
/// ```
/// let user = "u-7";
/// let _labels = panic_agent::labels! { "http.method" = "GET", user = user, attempt = 1 + 1 };
/// ```
#[macro_export]
macro_rules! labels {
    ($($key:tt = $value:expr),+ $(,)?) => {
        $crate::labels::LabelSet::from([$($crate::label($crate::__label_key!($key), &$value)),+])
    };
}

/// A key of [`labels!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __label_key {
    ($key:literal) => {
        $key
    };
    ($key:ident) => {
        ::core::stringify!($key)
    };
}

/// Labels on their way from a thread to one that it spawns.
pub(crate) struct Handover {
    labels: LabelBytes,
    /// Whether something of them is missing.
    cut: bool,
}

impl Handover {
    /// No labels.
    pub(crate) const fn new() -> Self {
        Self { labels: LabelBytes::new(), cut: false }
    }
}

/// Parent: copies the labels in force on this thread.
///
/// # Cost
/// No allocation; one copy of the labels that there are.
pub(crate) fn hand_over(to: &mut Handover) {
    arena::hand_over(to);
}

/// Parent: keeps for a child that panics are expected, if they are, and no other label.
///
/// # Cost
/// No allocation; one look at each label that there is.
pub(crate) fn hand_over_expected(to: &mut Handover) {
    arena::hand_over_only(EXPECTED, to);
}

/// Child: puts them in force, outermost, until this thread ends. To be called before any label of its own.
///
/// # Cost
/// As [`hand_over`].
pub(crate) fn take_over(from: &Handover) {
    arena::take_over(from);
}

/// Copies the labels in force on this thread.
pub(super) fn copy_into(record: &mut RawRecord) {
    arena::copy_into(record);
}

/// The labels in force on this thread as `key=value`, outermost first.
#[cfg(feature = "__testing")]
pub(crate) fn in_force() -> Vec<String> {
    arena::pairs()
}
