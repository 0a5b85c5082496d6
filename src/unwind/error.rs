//! Why a table could not be read.
//!
//! Runs on: every thread. Must not: allocate.

use core::fmt;

/// The facts a table reader can state about malformed or unsupported input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The section ends inside a value that begins at this address.
    Truncated { address: u64 },
    /// The address does not lie in the section that should hold it.
    OutOfSection { address: u64 },
    /// A LEB128 number at this address does not end within a sane length.
    Leb128TooLong { address: u64 },
    /// A pointer encoding that these images do not use.
    Encoding { encoding: u8 },
    /// A version of the format that is not known.
    Version { version: u8 },
    /// A CIE carries an augmentation that is not known, so its fields cannot be located.
    Augmentation { address: u64 },
    /// An FDE was expected at this address.
    NotAnFde { address: u64 },
    /// A CIE was expected at this address.
    NotACie { address: u64 },
    /// `.eh_frame_hdr` has no table that can be searched.
    NoSearchTable,
    /// A call-frame instruction that is not known.
    Instruction { opcode: u8 },
    /// `DW_CFA_remember_state` is nested too deeply, or restored without having been remembered.
    StateStack,
    /// A chain of action records does not end.
    ActionLoop { address: u64 },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { address } => write!(f, "table ends inside the value at {address:#x}"),
            Self::OutOfSection { address } => write!(f, "address {address:#x} is outside the section"),
            Self::Leb128TooLong { address } => write!(f, "LEB128 number at {address:#x} does not end"),
            Self::Encoding { encoding } => write!(f, "unsupported pointer encoding {encoding:#x}"),
            Self::Version { version } => write!(f, "unsupported table version {version}"),
            Self::Augmentation { address } => write!(f, "unknown augmentation in the CIE at {address:#x}"),
            Self::NotAnFde { address } => write!(f, "no FDE at {address:#x}"),
            Self::NotACie { address } => write!(f, "no CIE at {address:#x}"),
            Self::NoSearchTable => write!(f, "no binary search table"),
            Self::Instruction { opcode } => write!(f, "unknown call-frame instruction {opcode:#x}"),
            Self::StateStack => write!(f, "unbalanced remembered states"),
            Self::ActionLoop { address } => write!(f, "action records at {address:#x} do not end"),
        }
    }
}

impl std::error::Error for ReadError {}
