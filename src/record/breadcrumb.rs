//! Breadcrumbs: what happened on a thread before it panicked, in a report and, newest first, in a record.
//!
//! Runs on: the panicking thread (`push`), the writer and readers. Must not: allocate in `push`; take a length at its word.

use serde::{Deserialize, Serialize};

use super::read_back;

/// Bytes for all breadcrumbs of a record and their length: 16 crumbs with texts of 100 bytes each. None without the feature,
/// and then a record is as it would be without this field.
pub(crate) const CRUMB_BYTES: usize = if cfg!(feature = "breadcrumbs") { 2048 } else { 0 };
/// Bytes of the length.
const LEN: usize = 2;
/// Bytes before the texts of a crumb.
const HEAD: usize = 12;

/// Something that happened on the thread before it panicked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Breadcrumb {
    /// Nanoseconds before the panic.
    pub age_ns: u64,
    /// How important it was.
    pub level: BreadcrumbLevel,
    /// The module that left it, or what a logger calls its target.
    pub target: String,
    /// What happened.
    pub message: String,
    /// Whether target or message were longer.
    pub cut: bool,
}

/// How important a breadcrumb is, in the words of loggers.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BreadcrumbLevel {
    /// A step in detail.
    Trace = 0,
    /// Of use to whoever looks for a fault.
    Debug = 1,
    /// A step of the program. What [`breadcrumb!`](crate::breadcrumb!) leaves.
    #[default]
    Info = 2,
    /// Something that should not be.
    Warn = 3,
    /// Something failed.
    Error = 4,
}

read_back!(BreadcrumbLevel: Trace, Debug, Warn, Error; otherwise Info);

/// One breadcrumb, as it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawCrumb<'a> {
    /// Nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    /// [`BreadcrumbLevel`] as `u8`.
    pub(crate) level: u8,
    /// Whether something of the texts is missing.
    pub(crate) cut: bool,
    pub(crate) target: &'a [u8],
    pub(crate) message: &'a [u8],
}

/// The length of what follows, as `u16`; then each crumb: `mono_ns: u64, level: u8, cut: u8, target_len: u8,
/// message_len: u8`, and both texts. Numbers are little endian.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct CrumbBytes {
    bytes: [u8; CRUMB_BYTES],
}

impl CrumbBytes {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; CRUMB_BYTES] }
    }

    pub(crate) fn clear(&mut self) {
        self.set_len(0);
    }

    fn len(&self) -> usize {
        self.bytes.first_chunk().map_or(0, |len| usize::from(u16::from_le_bytes(*len)))
    }

    fn set_len(&mut self, len: usize) {
        if let (Some(first), Ok(len)) = (self.bytes.first_chunk_mut(), u16::try_from(len)) {
            *first = len.to_le_bytes();
        }
    }

    /// The encoded crumbs.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(LEN..LEN.saturating_add(self.len())).unwrap_or_default()
    }

    /// What lies in memory; none where the record has no room for them, or where this build has none. `None` when the length
    /// is beyond the bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut crumbs = Self::new();
        if let Some(bytes) = bytes.first_chunk() {
            crumbs.bytes = *bytes;
        }
        (crumbs.len() <= CRUMB_BYTES.saturating_sub(LEN)).then_some(crumbs)
    }

    /// The crumbs, newest first. A damaged tail ends the iteration.
    pub(crate) fn crumbs(&self) -> impl Iterator<Item = RawCrumb<'_>> {
        let mut rest = self.as_bytes();
        core::iter::from_fn(move || {
            let (head, tail) = rest.split_first_chunk::<HEAD>()?;
            let (clock, &[level, cut, target, message]) = head
                .split_first_chunk::<8>()
                .and_then(|(clock, rest)| Some((clock, rest.first_chunk::<4>()?)))?;
            let (target, tail) = tail.split_at_checked(usize::from(target))?;
            let (message, tail) = tail.split_at_checked(usize::from(message))?;
            rest = tail;
            Some(RawCrumb { mono_ns: u64::from_le_bytes(*clock), level, cut: cut != 0, target, message })
        })
    }
}

#[cfg(any(test, feature = "breadcrumbs"))]
impl CrumbBytes {
    /// Appends a crumb that is older than the others; `false` when it does not fit (then nothing is kept).
    ///
    /// # Cost
    /// No allocation; one copy.
    pub(crate) fn push(&mut self, crumb: RawCrumb<'_>) -> bool {
        let (Ok(target), Ok(message)) = (u8::try_from(crumb.target.len()), u8::try_from(crumb.message.len()))
        else {
            return false;
        };
        let before = self.len();
        let whole = self.extend(&crumb.mono_ns.to_le_bytes())
            && self.extend(&[crumb.level, u8::from(crumb.cut), target, message])
            && self.extend(crumb.target)
            && self.extend(crumb.message);
        if !whole {
            self.set_len(before);
        }
        whole
    }

    fn extend(&mut self, more: &[u8]) -> bool {
        let len = self.len();
        let start = LEN.saturating_add(len);
        match self.bytes.get_mut(start..start.saturating_add(more.len())) {
            Some(room) => {
                room.copy_from_slice(more);
                self.set_len(len.saturating_add(more.len()));
                true
            }
            None => false,
        }
    }
}

#[cfg(all(test, feature = "breadcrumbs"))]
mod tests {
    use super::*;

    #[test]
    fn crumbs_come_back_in_order_and_one_too_many_leaves_nothing() {
        let mut bytes = CrumbBytes::new();
        let crumb = |mono_ns| RawCrumb {
            mono_ns,
            level: 2,
            cut: mono_ns == 1,
            target: b"app",
            message: &[b'x'; 133],
        };
        let fits = (CRUMB_BYTES - LEN) / (HEAD + 136);
        for number in 0..fits as u64 {
            assert!(bytes.push(crumb(number)));
        }
        assert!(!bytes.push(crumb(99)));
        let found: Vec<_> = bytes.crumbs().collect();
        assert_eq!(found, (0..fits as u64).map(crumb).collect::<Vec<_>>());
        bytes.clear();
        assert_eq!(bytes.crumbs().count(), 0);
    }
}
