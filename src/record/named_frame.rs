//! A logical frame with its name, as far as the rules of later stages look at it.
//!
//! Runs on: the writer thread and recoveries. Must not: know how names are found.

/// Whether debug information says which functions were inlined at an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inlining {
    /// It describes the function there: a function that is not among the logical frames was not inlined there.
    Known,
    /// There is a symbol table at best: any function may have been inlined there.
    #[default]
    Unknown,
}

/// A logical frame, as far as rules look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedFrame {
    /// The demangled name reduced to a path without generic arguments; empty without a name.
    pub(crate) path: String,
    /// The demangled name, for people.
    pub(crate) function: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) in_app: Option<bool>,
    /// Which address of the stack it is at, counted from 0: those that were inlined there have the same.
    pub(crate) call: usize,
    /// Whether it is known what was inlined at this address.
    pub(crate) inlining: Inlining,
}
