//! The name of a panic, unique across processes and restarts.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Names one panic: the process instance and the panic's number in it, printed as
/// `<16 hex digits>-<number>`.
///
/// # Examples
/// ```
/// let id: panic_agent::PanicId = "00000000000000ff-7".parse().unwrap();
/// assert_eq!(id.sequence(), 7);
/// assert_eq!(id.to_string(), "00000000000000ff-7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PanicId {
    instance: u64,
    sequence: u64,
}

impl PanicId {
    pub(crate) const fn new(instance: u64, sequence: u64) -> Self {
        Self { instance, sequence }
    }

    /// Number of the panic in its process, from 1, in the order in which the hooks ran.
    pub const fn sequence(self) -> u64 {
        self.sequence
    }

    /// The process instance: differs between two runs of one program, and between parent and forked child.
    pub const fn instance(self) -> u64 {
        self.instance
    }
}

impl fmt::Display for PanicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.instance, self.sequence)
    }
}

/// The text is not `<16 hex digits>-<number>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsePanicIdError(String);

impl fmt::Display for ParsePanicIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a panic id: expected 16 hex digits, `-`, a number", self.0)
    }
}

impl std::error::Error for ParsePanicIdError {}

impl core::str::FromStr for PanicId {
    type Err = ParsePanicIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParsePanicIdError(text.chars().take(80).collect());
        let (instance, sequence) = text.split_once('-').ok_or_else(error)?;
        let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if instance.len() != 16 || !plain(instance) || !plain(sequence) {
            return Err(error());
        }
        Ok(Self {
            instance: u64::from_str_radix(instance, 16).map_err(|_| error())?,
            sequence: sequence.parse().map_err(|_| error())?,
        })
    }
}

impl Serialize for PanicId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PanicId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text() {
        let id = PanicId::new(u64::MAX, 12);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_text_of_another_shape_is_refused() {
        for text in ["", "-", "1-1", "00000000000000ff-", "00000000000000ff-x", "+0000000000000ff-1"] {
            assert!(text.parse::<PanicId>().is_err(), "{text}");
        }
    }
}
