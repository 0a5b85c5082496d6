//! Stage 2: what the panicking thread takes down.
//!
//! Runs on: the panicking thread. Must not: allocate, lock, do I/O, panic.

pub(crate) mod stack;
