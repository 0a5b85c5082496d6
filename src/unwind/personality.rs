//! Whose rules a frame's LSDA follows.
//!
//! Runs on: every thread. Must not: allocate, panic.

/// The language behind a personality routine, as far as the answer to a Rust panic depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Personality {
    /// `rust_eh_personality`: the first action record decides.
    Rust,
    /// `__gxx_personality_v0`: a Rust panic is a foreign exception, so only `catch (...)` stops it.
    Cxx,
    /// `__gcc_personality_v0`: runs cleanups, stops nothing.
    C,
    /// A routine that could not be named. Read by the rules that Rust's and C++'s tables share: a catch is
    /// a record whose type entry is null, which is how Rust's own catch is written too.
    Other,
}
