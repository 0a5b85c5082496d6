//! Numbers as digits, without the formatting machinery: every line has a dozen of them.
//!
//! Runs on: the writer thread and readers. Must not: allocate.

/// Digits of a number in a base of at most 16, with leading zeros up to `N` of them; higher ones are left out.
pub(crate) fn digits<const N: usize>(mut value: u64, base: u64) -> [u8; N] {
    let mut text = [b'0'; N];
    for place in text.iter_mut().rev() {
        let digit = value % base;
        // Below 16, since no base is greater.
        *place = b"0123456789abcdef"[(digit & 15) as usize];
        value /= base;
    }
    text
}

/// As many decimal digits as the longest `u64` has.
pub(crate) const LONGEST: usize = 20;

/// Appends ASCII digits.
pub(crate) fn push(text: &mut String, digits: &[u8]) {
    text.extend(digits.iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_formatting_machinery() {
        let text = |digits: &[u8]| core::str::from_utf8(digits).unwrap().to_owned();
        for value in [0, 1, 9, 10, 255, 256, 999_999_999, u64::MAX / 3, u64::MAX] {
            assert_eq!(text(&digits::<16>(value, 16)), format!("{value:016x}"));
            assert_eq!(text(&digits::<LONGEST>(value, 10)), format!("{value:020}"));
        }
        let mut pushed = "a".to_owned();
        push(&mut pushed, &digits::<3>(7, 10));
        assert_eq!(pushed, "a007");
    }
}
