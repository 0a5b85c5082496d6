//! What turns an address into functions, or does not at all.
//!
//! Runs on: the threads that resolve (a 2 MiB stack; a small stack does not survive this). Must not: be called on a
//! panicking thread: resolvers read files, allocate and take locks.

use crate::record::Inlining;

use super::ImageAt;

/// One function at an address, as a resolver finds it.
pub(crate) struct Found<'a> {
    /// Demangled, without the hash.
    pub(crate) function: Option<String>,
    /// Name as it stands in the symbol table or in the debug information.
    pub(crate) raw_name: Option<&'a [u8]>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

/// A file that would have names for an image, and is not the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Code of the soft error.
    pub(crate) code: &'static str,
    pub(crate) path: String,
    /// What is wrong with it, to be read after its path.
    pub(crate) why: &'static str,
}

/// Turns an address into functions.
pub(crate) trait Resolve: Send {
    /// Calls `found` for each function at a return address, innermost (most inlined) first. `at` is the call before
    /// it, in the image that held it.
    fn resolve(
        &mut self,
        return_address: u64,
        at: Option<&ImageAt>,
        found: &mut dyn FnMut(Found<'_>),
    ) -> Inlining;

    /// The function that begins at an address, by the symbol table of its image alone; nothing else is read.
    fn function_at(&mut self, _at: &ImageAt) -> Option<String> {
        None
    }

    /// Files that may belong to an image whose address was asked for, and were not believed.
    fn refused(&mut self, _at: &ImageAt) -> Vec<Refused> {
        Vec::new()
    }

    /// Forgets what was read of the images, because they changed.
    fn forget(&mut self) {}

    /// Nothing is asked for now: memory that can be had again without effort is let go.
    fn rest(&mut self) {}

    /// Gives back what was read, to be read again when it is asked for.
    fn give_back(&mut self) {}

    /// Whether names can be expected at all.
    fn is_on(&self) -> bool {
        true
    }
}

/// No symbols, by configuration.
pub(crate) struct Off;

impl Resolve for Off {
    fn resolve(&mut self, _: u64, _: Option<&ImageAt>, _: &mut dyn FnMut(Found<'_>)) -> Inlining {
        Inlining::Unknown
    }

    fn is_on(&self) -> bool {
        false
    }
}
