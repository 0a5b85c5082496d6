//! Who a thread belongs to, and why that is not known where it is not.
//!
//! Runs on: the writer thread. Must not: do I/O.

use super::frames;
use crate::record::NamedFrame;

/// Why the owner of a thread is not known; words of `test.reason`.
pub(crate) mod reason {
    use super::{NamedFrame, frames};

    /// No stack of a known test leads here.
    pub(crate) const NO_HARNESS_FRAME: &str = "no_harness_frame";
    /// The stacks have no names.
    pub(crate) const NO_SYMBOLS: &str = "no_symbols";
    /// The start was not seen.
    pub(crate) const THREAD_NOT_SEEN: &str = "thread_not_seen";
    /// Starts are not seen at all.
    pub(crate) const NO_PROBES: &str = "no_probes";
    /// It is libtest's thread for a test, of whose name not all is known.
    pub(crate) const NAME_CUT: &str = "name_cut";
    /// It serves several tests.
    pub(crate) const SHARED_THREAD: &str = "shared_thread";

    /// Why a stack without a test on it has none.
    pub(crate) fn no_test_on(stack: &[NamedFrame]) -> &'static str {
        if frames::lacks_names(stack) { NO_SYMBOLS } else { NO_HARNESS_FRAME }
    }
}

/// Who a thread belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// libtest started it for a test: this one, if its name is known.
    Harness(Option<String>),
    /// A test started it, itself or through others.
    Test { name: String, shared: Shared },
}

/// Whether a thread serves others than the test that started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// It is the test's own.
    No,
    /// It serves whoever comes later.
    Yes,
    /// Without names nobody can tell.
    Unnamed,
}

impl Shared {
    /// Of a thread that is started on this stack by one that is `self`. `by_runtime`: a runtime that serves several
    /// tests starts it.
    pub(super) fn through(self, stack: &[NamedFrame], by_runtime: bool) -> Self {
        match self {
            _ if by_runtime || frames::is_shared(stack) => Self::Yes,
            Self::No if frames::lacks_names(stack) => Self::Unnamed,
            inherited => inherited,
        }
    }
}
