//! A runtime panic instrumentation agent: one line in `main`, and every panic of the process is recorded
//! with its thread, its symbolized frames, its labels and where its unwinding will stop.
#![deny(unsafe_code)]

mod config;
mod error;
mod record;

mod capture; // stage 2: on the panicking thread
mod channel; // stage 3: the only way across
mod hook; // stage 1: on the panicking thread
mod image;
#[allow(unsafe_code)] // redirected calls, exception objects, traced vtables
mod probe; // beside the stages: what happens after the hook
mod sink;
mod symbolize; // stage 5
mod sys; // stage 7
mod unwind;
mod verdict; // stage 6
mod writer; // stage 4: on the writer thread

pub use crate::config::{Console, Overflow, RedactField, Symbols};
pub use crate::error::{Error, ErrorKind};
pub use crate::record::*;
pub use crate::sink::Sink;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use crate::probe::testing as probe_testing;
