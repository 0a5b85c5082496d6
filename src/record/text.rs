//! Text of bounded size inside a record.
//!
//! Runs on: the panicking thread (write) and the writer (read). Must not: allocate, panic.

use core::fmt;

/// UTF-8 bytes of a text, cut at a character border when it is longer than `N`.
///
/// `total` keeps the true length in bytes, so that a cut is visible.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct FixedText<const N: usize> {
    /// Bytes the whole text has, saturating.
    total: u32,
    /// Bytes kept, `<= N`.
    len: u32,
    bytes: [u8; N],
}

impl<const N: usize> FixedText<N> {
    /// An empty text.
    pub(crate) const fn new() -> Self {
        Self { total: 0, len: 0, bytes: [0; N] }
    }

    /// Forgets the text; the bytes themselves are left as they are.
    pub(crate) fn clear(&mut self) {
        self.total = 0;
        self.len = 0;
    }

    /// Replaces the text.
    ///
    /// # Cost
    /// One bounded copy, no allocation.
    pub(crate) fn set(&mut self, text: &str) {
        self.clear();
        self.push(text);
    }

    /// Appends as much of `text` as fits, ending at a character border.
    ///
    /// Once something was cut nothing more is kept, so that the kept bytes are a prefix of the text.
    pub(crate) fn push(&mut self, text: &str) {
        let whole_so_far = self.total == self.len;
        self.total = self.total.saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
        if !whole_so_far {
            return;
        }
        let start = self.len as usize;
        let room = N.saturating_sub(start);
        let kept = start_of(text, room).len();
        if let (Some(to), Some(from)) =
            (self.bytes.get_mut(start..start.saturating_add(kept)), text.as_bytes().get(..kept))
        {
            to.copy_from_slice(from);
            self.len = self.len.saturating_add(kept as u32);
        }
    }

    /// The kept text. Bytes that are not UTF-8 (a damaged record) end it early.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.kept();
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => bytes
                .get(..error.valid_up_to())
                .and_then(|valid| core::str::from_utf8(valid).ok())
                .unwrap_or_default(),
        }
    }

    /// The bytes that were kept.
    pub(crate) fn kept(&self) -> &[u8] {
        self.bytes.get(..(self.len as usize).min(N)).unwrap_or_default()
    }

    /// What lies in memory: the true length, the bytes kept, and those bytes. `None` when the numbers
    /// contradict each other, as they may in a damaged file.
    pub(crate) fn from_parts(total: u32, len: u32, bytes: [u8; N]) -> Option<Self> {
        (len as usize <= N && len <= total).then_some(Self { total, len, bytes })
    }

    /// Bytes the whole text had.
    pub(crate) fn total_len(&self) -> u32 {
        self.total
    }

    /// Whether something was cut.
    pub(crate) fn is_truncated(&self) -> bool {
        self.total > self.len
    }
}

impl<const N: usize> fmt::Write for FixedText<N> {
    /// Never fails: what does not fit is counted in the total length.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

impl<const N: usize> fmt::Debug for FixedText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The longest start of a text of at most so many bytes that ends at a character border.
///
/// # Cost
/// No allocation; at most four looks.
pub(crate) fn start_of(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        // Never wraps: index 0 is always a border.
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// The longest end of a text of at most so many bytes that begins at a character border.
///
/// # Cost
/// No allocation; at most four looks.
pub(crate) fn end_of(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        // Never wraps: the end is always a border.
        start = start.saturating_add(1);
    }
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_at_a_character_border_and_stays_a_prefix() {
        for (parts, kept, total, cut) in [
            (&["aäöü"][..], "aäö", 7, true),
            (&["abcd", "öd", "e"], "abcd", 8, true),
            (&["abcde"], "abcde", 5, false),
            (&[], "", 0, false),
        ] {
            let mut text = FixedText::<5>::new();
            text.set("earlier");
            text.set("");
            parts.iter().for_each(|part| text.push(part));
            assert_eq!((text.as_str(), text.total_len(), text.is_truncated()), (kept, total, cut));
        }
    }
}
