//! Whose hook the agent's is put before.
//!
//! Runs on: the thread that installs the agent. Must not: guess; a hook of one's own hides what was there before.

use std::panic::{self, PanicHookInfo};

use super::without_agent;
use crate::sys::closure::code_of;

/// The hook that was set before the agent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PreviousHook {
    /// std's own, which prints.
    Std,
    /// Another one, which perhaps reports panics, too.
    Other {
        /// The function that a call of it enters; whose it is tell the symbols of its image, if it has any.
        code: u64,
    },
}

/// Looks at the hook that is set now; `None` when it is one of this crate's, or cannot be asked for on this thread.
///
/// std can only take it: a hook that another thread sets meanwhile is lost, as in `install`.
pub(crate) fn previous() -> Option<PreviousHook> {
    if std::thread::panicking() || without_agent::is_set() {
        return None;
    }
    let _setting = without_agent::SETTING.lock();
    let set = panic::take_hook();
    // Now std's own is in force.
    let own = panic::take_hook();
    if is_same(&*set, &*own) {
        return Some(PreviousHook::Std);
    }
    let code = code_of(&*set);
    panic::set_hook(set);
    Some(PreviousHook::Other { code })
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// Whether both are std's own, which is a function without data: then both pointers have the same parts. Two hooks of other
/// kinds differ in their vtables, or in the places of their data.
fn is_same(one: &Hook, other: &Hook) -> bool {
    size_of_val(one) == 0 && core::ptr::eq(one, other)
}
