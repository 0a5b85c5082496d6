//! Breadcrumbs: what a thread did before it panicked, in a ring of fixed size. Its twin without the feature does nothing.
//!
//! Runs on: every thread of the program; `copy_into` on the panicking thread, perhaps inside of the thread's own `leave`.
//! Must not: allocate; touch the ring while code of the program runs; show a crumb that is half written.

#[cfg(feature = "log")]
mod log;
mod ring;
mod task;

use core::fmt::{self, Write as _};

#[cfg(feature = "log")]
pub use self::log::LogBreadcrumbs;
use self::ring::{Crumb, RING};
pub(crate) use self::task::TaskCrumbs;
use crate::record::{BreadcrumbLevel, RawRecord};
use crate::sys::clock;

/// Leaves a breadcrumb on this thread, or with the task of this crate that runs on it: reports of its panics have the last 16
/// of them, with their age.
///
/// Of the target 48 bytes are kept, of both texts together 148. [`breadcrumb!`](crate::breadcrumb!) is shorter to write.
///
/// # Panics
/// Only if the `Display` of `message` panics. Then no breadcrumb is left.
///
/// # Examples
/// ```
/// use panic_agent::labels::breadcrumb;
/// use panic_agent::record::BreadcrumbLevel;
///
/// breadcrumb(BreadcrumbLevel::Warn, "billing", format_args!("retry {} of 3", 2));
/// ```
///
/// # Cost
/// No allocation (unless `Display` allocates, and but for the first of a task); one look at a clock, one formatting, one copy of 160 bytes.
pub fn breadcrumb(level: BreadcrumbLevel, target: &str, message: impl fmt::Display) {
    // Before the ring is touched: `Display` may leave breadcrumbs itself, or panic.
    let mut crumb = Crumb::new(clock::mono_ns(), level, target);
    // An error of `Display` leaves what it wrote until then; a crumb itself never fails.
    let _ = write!(crumb, "{message}");
    keep(&crumb);
}

/// The same for a text that needs no formatting.
#[doc(hidden)]
pub fn __breadcrumb(target: &str, message: fmt::Arguments<'_>) {
    let Some(text) = message.as_str() else { return breadcrumb(BreadcrumbLevel::Info, target, message) };
    let mut crumb = Crumb::new(clock::mono_ns(), BreadcrumbLevel::Info, target);
    crumb.push(text);
    keep(&crumb);
}

fn keep(crumb: &Crumb) {
    if !task::put(crumb) {
        RING.with(|ring| ring.put(crumb));
    }
}

/// Copies the breadcrumbs of the task that runs on this thread, or else the thread's, as many as fit.
///
/// # Cost
/// No allocation; one copy of what there is.
#[inline(never)]
pub(super) fn copy_into(record: &mut RawRecord) {
    if !task::copy_into(&mut record.crumbs) {
        RING.with(|ring| ring.copy_into(&mut record.crumbs));
    }
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
        $crate::labels::__breadcrumb(::core::module_path!(), ::core::format_args!($($message)+))
    };
}
