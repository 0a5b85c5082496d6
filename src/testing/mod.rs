//! Records, reports and events made by hand, for the tests of several stages.
//!
//! Runs on: test threads. Must not: be compiled into a program.

pub(crate) mod fake_names;
pub(crate) mod fake_probes;
pub(crate) mod samples;
