//! Without the feature `breadcrumbs` nothing is kept, and nothing is formatted.
//!
//! Runs on: nothing. Must not: cost anything.

use crate::record::RawRecord;

#[inline(always)]
pub(super) fn copy_into(_record: &mut RawRecord) {}

/// The breadcrumbs of a task: none.
pub(crate) struct TaskCrumbs;

impl TaskCrumbs {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn swap(&mut self) {}
}

/// Leaves a breadcrumb on this thread: what the program is doing, for the report of a panic that comes later. Like
/// `format!`; the target is the module. Without the feature `breadcrumbs` it does nothing, and formats nothing.
///
/// # Examples
/// ```
/// let order = 17;
/// panic_agent::breadcrumb!("loading order {order}");
/// ```
#[macro_export]
macro_rules! breadcrumb {
    ($($message:tt)+) => {
        if false {
            let _ = ::core::format_args!($($message)+);
        }
    };
}
