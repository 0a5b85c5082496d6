//! Test harnesses that are audited: which test a panic belongs to, and what the harness says of its tests.
//!
//! Runs on: the writer thread. Must not: take the test that happens to run now for the one that is meant.

mod said;

pub(crate) use said::{Said, Word};
