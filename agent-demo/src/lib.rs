//! Every way to panic in Rust, each a named scenario with what must come of it.
//!
//! A [`Scenario`] is a small program: a function that panics (or nearly does) with real threads, real
//! runtimes and real foreign code. With it stands the [`Expectation`]: how the process ends, and for each
//! panic which thread, which message, where the unwinding was predicted to stop and who catches it there.
//! Most scenarios have a *twin* that differs in one detail and must come out differently: a handle that is
//! dropped and one that is joined, a lock that poisons and one that does not.
//!
//! [`catalogue`] lists them, [`child`] runs one in a process of its own, and [`check`] compares what
//! happened with what was expected, for the [`Profile`] that the program was built with.
//!
//! [`index`] is the other half: an ordinary multi-threaded program with one ordinary bug, which kills
//! workers while the process ends with status 0.
#![deny(unsafe_code)] // `child` and some of `scenarios` opt out, by name

mod expect;
mod lines;
mod platform;
mod profile;
mod scenario;
mod verdict;

pub mod catalogue;
pub mod check;
#[allow(unsafe_code)] // kills a child that hangs
pub mod child;
pub mod index;
pub mod page;
mod scenarios;

pub use crate::expect::{Delivery, Exit, Expectation, ExpectedPanic, Message, Outcome, ThreadName, word};
pub use crate::lines::{LastWord, Lines};
pub use crate::profile::{Names, Profile};
pub use crate::scenario::Scenario;
#[cfg(feature = "allocator")]
pub use crate::scenarios::PanickingAllocator;
pub use crate::verdict::{Hops, Link, Probes, Setting, Verdict, uncaught};
