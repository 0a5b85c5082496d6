//! Labels: what the program says about what it is doing, for the reports of panics that happen meanwhile.
//!
//! Runs on: every thread of the program; `copy_into` on the panicking thread.
//! Must not: allocate on a thread (process labels may); call the program's code inside a borrow.

mod arena;
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

use super::nesting;
#[cfg(any(test, panic_agent_probes))]
use crate::record::LabelBytes;
use crate::record::{FixedText, RawRecord, start_of};
use crate::sys::preloaded;

/// Key of the label that says that panics are meant to happen; see `expect_panic`.
pub(crate) const EXPECTED: &str = "panic_agent.expected";

/// Bytes of a key that are kept.
const KEY_BYTES: usize = 64;
/// Bytes of a value that are kept.
const VALUE_BYTES: usize = 256;

/// Puts a label in force on this thread until the guard is dropped.
///
/// Every panic of this thread meanwhile is reported with it. Scopes nest: a label shadows an outer one with
/// the same key and uncovers it when its guard is dropped. Threads that are spawned meanwhile begin without it,
/// unless [`inherit_labels`](crate::AgentBuilder::inherit_labels) says otherwise. Guards may be dropped in any order; each takes
/// away its own label. A guard that is forgotten leaves its label in force until the thread ends.
///
/// Keys are kept up to 64 bytes, values up to 256, all labels of a thread together up to 1024 bytes. What
/// does not fit is cut or left out, and the report says so.
///
/// # Panics
/// Only if `value`'s own `Display` panics; no label is in force then.
///
/// # Examples
/// ```
/// let _request = panic_agent::label("request", 17);
/// {
///     let _request = panic_agent::label("request", 18); // in force
/// }
/// // 17 again
/// ```
/// Bind the guard to a name: `let _ = panic_agent::label(..)` takes the label away at once.
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

/// Keeps a label in force; see [`label`].
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

/// A label that a library in the program sets with an agent that was loaded before it.
#[cfg(all(panic_agent_probes, feature = "preload"))]
pub(crate) fn push_for_program(key: &str, value: &str, cut: bool) -> u64 {
    nesting::forget_if_landed();
    let entry = arena::push(start_of(key, KEY_BYTES), start_of(value, VALUE_BYTES), cut);
    entry.to_number()
}

/// Takes it away.
#[cfg(all(panic_agent_probes, feature = "preload"))]
pub(crate) fn remove_for_program(number: u64) {
    arena::remove(arena::Entry::from_number(number));
    nesting::forget_if_landed();
}

/// Several labels that end together; made by [`labels!`](crate::labels!).
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

/// Puts several labels in force on this thread until the one guard it returns is dropped.
///
/// A key is a text or, for short, a name that stands for its own text. See [`label`](crate::label()).
///
/// # Examples
/// ```
/// let user = "u-7";
/// let _labels = panic_agent::labels! { "http.method" = "GET", user = user, attempt = 1 + 1 };
/// ```
#[macro_export]
macro_rules! labels {
    ($($key:tt = $value:expr),+ $(,)?) => {
        $crate::LabelSet::from([$($crate::label($crate::__label_key!($key), &$value)),+])
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
#[cfg(any(test, panic_agent_probes))]
pub(crate) struct Handover {
    labels: LabelBytes,
    /// Whether something of them is missing.
    cut: bool,
}

#[cfg(any(test, panic_agent_probes))]
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
#[cfg(any(test, panic_agent_probes))]
pub(crate) fn hand_over(to: &mut Handover) {
    arena::hand_over(to);
}

/// Parent: keeps for a child that panics are expected, if they are, and no other label.
///
/// # Cost
/// No allocation; one look at each label that there is.
#[cfg(any(test, panic_agent_probes))]
pub(crate) fn hand_over_expected(to: &mut Handover) {
    arena::hand_over_only(EXPECTED, to);
}

/// Child: puts them in force, outermost, until this thread ends. To be called before any label of its own.
///
/// # Cost
/// As [`hand_over`].
#[cfg(any(test, panic_agent_probes))]
pub(crate) fn take_over(from: &Handover) {
    arena::take_over(from);
}

/// Copies the labels in force on this thread.
pub(super) fn copy_into(record: &mut RawRecord) {
    arena::copy_into(record);
}

/// The labels in force on this thread as `key=value`, outermost first.
#[cfg(feature = "testing")]
pub(crate) fn in_force() -> Vec<String> {
    arena::pairs()
}
