//! A frame of a symbolized stack: in a report, with the image it lies in, and as far as rules look at it.
//!
//! Runs on: the writer thread. Must not: do I/O.

use serde::{Deserialize, Serialize};

/// What a frame does with a panic that passes through it, in the words of std's LSDA reader.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EhAction {
    /// Nothing: there is no landing pad for this call.
    None = 0,
    /// Runs destructors and lets the panic go on.
    Cleanup = 1,
    /// Stops the panic.
    Catch = 2,
    /// A frame that must not unwind: the process aborts here.
    Filter = 3,
    /// The call is not in the frame's call-site table: the process aborts here.
    Terminate = 4,
    /// The table could not be read.
    Unknown = 5,
}

super::read_back!(EhAction: None, Cleanup, Catch, Filter, Terminate; otherwise Unknown);

impl EhAction {
    /// Whether the search for a handler ends at this frame.
    pub fn stops(self) -> bool {
        matches!(self, Self::Catch | Self::Filter | Self::Terminate)
    }
}

/// One logical frame: a function, or a function inlined into the frame that follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Frame {
    /// Physical frame this belongs to, counted from the innermost recorded one. Logical frames that
    /// were inlined into one physical frame share the number.
    pub index: u32,
    /// Demangled name without the hash, generic arguments kept; `null` without symbols.
    pub function: Option<String>,
    /// Source file, as the compiler recorded it.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column, from 1.
    pub column: Option<u32>,
    /// Instruction pointer as `0x…`: the return address, except for the innermost frame of a fault.
    pub ip: String,
    /// File name of the image, without its directory.
    pub image: Option<String>,
    /// Address inside the image as `0x…`: what a symbolizer wants, already moved back into the call.
    pub address: Option<String>,
    /// Whether this was inlined into the next frame.
    pub inlined: bool,
    /// Whether the function belongs to the program rather than to std, a dependency or the system; `None` when
    /// neither its crate nor its file tells.
    pub in_app: Option<bool>,
    /// What the physical frame does with the panic; `null` for inlined frames and where it is not known.
    pub action: Option<EhAction>,
}

/// A loaded ELF image that appears in the frames of a report.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// File name without its directory.
    pub name: String,
    /// Full path.
    pub path: Option<String>,
    /// GNU build-id in hex; `null` when the image has none.
    pub build_id: Option<String>,
    /// Load bias as `0x…`: address in memory minus address in the file.
    pub bias: Option<String>,
}

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
