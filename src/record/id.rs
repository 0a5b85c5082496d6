//! The name of a panic, unique across processes and restarts.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use core::fmt;

use super::digits::{LONGEST, digits};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of the longest id.
const TEXT: usize = 16 + 1 + LONGEST;

/// Names one panic: the process instance and the panic's number in it, printed as
/// `<16 hex digits>-<number>`.
///
/// # Examples
/// ```
/// let id: panic_agent::record::PanicId = "00000000000000ff-7".parse().unwrap();
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

    /// What [`Display`](fmt::Display) writes, several times as fast: every line has two of them.
    fn text(self, buffer: &mut [u8; TEXT]) -> &str {
        let number = digits::<LONGEST>(self.sequence, 10);
        let zeros = number.iter().take_while(|digit| **digit == b'0').count().min(LONGEST - 1);
        let (instance, rest) = buffer.split_at_mut(16);
        instance.copy_from_slice(&digits::<16>(self.instance, 16));
        let (dash, rest) = rest.split_at_mut(1);
        dash.fill(b'-');
        let length = LONGEST - zeros;
        rest[..length].copy_from_slice(&number[zeros..]);
        // Digits and a dash are a text.
        core::str::from_utf8(&buffer[..17 + length]).unwrap_or_default()
    }

    /// Number of the panic in its process, from 1, in the order in which the hooks ran.
    pub const fn sequence(self) -> u64 {
        self.sequence
    }

    /// The process instance: differs between two runs of one program, and between parent and forked child.
    pub const fn instance(self) -> u64 {
        self.instance
    }

    /// The process instance as it stands in `process`, `losses` and `end` lines.
    pub fn instance_text(self) -> String {
        format!("{:016x}", self.instance)
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
        serializer.serialize_str(self.text(&mut [0; TEXT]))
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
        for sequence in [0, 1, 10, 909, u64::MAX] {
            let id = PanicId::new(sequence / 7, sequence);
            assert_eq!(id.text(&mut [0; TEXT]), id.to_string());
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        }
    }

    #[test]
    fn a_text_of_another_shape_is_refused() {
        for text in ["", "-", "1-1", "00000000000000ff-", "00000000000000ff-x", "+0000000000000ff-1"] {
            assert!(text.parse::<PanicId>().is_err(), "{text}");
        }
    }
}
