//! Who ends the process, and from where.
//!
//! Runs on: made on the thread that calls `exit`, read on the writer thread. Must not: name anything.

/// Where `exit` was called.
#[derive(Debug)]
pub(crate) struct ExitPlace {
    /// OS id of the thread.
    pub(crate) tid: u32,
    /// When: nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    /// Its stack, innermost first.
    pub(crate) ips: Vec<u64>,
    /// The panic that it unwinds: the low bits of its number, 0 for none; `None` when the stack does not tell.
    pub(crate) inside: Option<u32>,
}
