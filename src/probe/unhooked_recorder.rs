//! Who records a raise that no hook saw.
//!
//! Runs on: the panicking thread, inside the raise probe. Must not: allocate, lock, panic.

/// Number that stands for a panic whose report was lost: nobody waits for its events.
pub(crate) const LOST: u64 = u64::MAX;

/// What the raise probe asks of the recording side.
pub(crate) trait Witness: Sync {
    /// A payload is thrown for the first time and the agent's hook was not called for it. `text` is the payload
    /// if it is a text. `anchor` lies in the innermost frame that does not belong to the panic.
    ///
    /// Returns the number of the panic, [`LOST`] when no report can be made.
    fn raised(&self, anchor: usize, text: Option<Text<'_>>) -> u64;

    /// The payload of panic `sequence` is thrown once more. Returns whether its stack was recorded.
    fn hopped(&self, anchor: usize, sequence: u64) -> bool;
}

/// A payload that is a text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'a> {
    /// `&'static str`.
    Str(&'a str),
    /// `String`.
    String(&'a str),
}

impl<'a> Text<'a> {
    /// The text itself.
    pub(crate) fn as_str(self) -> &'a str {
        match self {
            Self::Str(text) | Self::String(text) => text,
        }
    }
}

/// Where the end of each unwinding is noted for whoever comes after this process.
pub(crate) trait LandingNotes: Sync {
    /// The panic with this hook number has landed.
    fn landed(&self, sequence: u64);

    /// Its payload is thrown once more.
    fn thrown_again(&self, sequence: u64);
}
