//! Wrappers that stop a panic and hand it on as an error, so that nobody can miss it by accident.
//!
//! Runs on: threads of the program, outside of the hook. Must not: hold a lock while code of the program runs;
//! take part in the way of a report: that goes from the hook to the sinks whatever a wrapper does.
//!
//! What the wrappers know better than tables and symbols (who caught, who has the error, whether it was looked at)
//! they tell the writer as events, beside those of the probes.

mod cancel;
mod catch;
mod caught;
mod expected;
pub mod ffi;
mod future;
mod group;
#[allow(unsafe_code)]
mod payload;
mod policy;
mod supervise;
pub mod task;
pub mod thread;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use catch::{catch, catch_silent};
pub use caught::Caught;
pub use expected::expect_panic;
