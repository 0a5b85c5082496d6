//! The GNU build-id in the notes of an image.
//!
//! Runs on: every thread. Must not: read outside the slice, panic.
//! Source: System V ABI, chapter 5 "Note section"; GNU `ld` manual, `--build-id`.

const NT_GNU_BUILD_ID: u32 = 3;

/// The build-id in the contents of a note segment.
pub(crate) fn find_build_id(mut notes: &[u8]) -> Option<&[u8]> {
    loop {
        let (name_len, rest) = word(notes)?;
        let (value_len, rest) = word(rest)?;
        let (kind, rest) = word(rest)?;
        let (name, rest) = padded(rest, name_len)?;
        let (value, rest) = padded(rest, value_len)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" && !value.is_empty() {
            return Some(value);
        }
        notes = rest;
    }
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), rest))
}

/// A field of `len` bytes, and what follows its padding to 4 bytes. The last one may lack its padding.
fn padded(bytes: &[u8], len: u32) -> Option<(&[u8], &[u8])> {
    let len = usize::try_from(len).ok()?;
    let field = bytes.get(..len)?;
    let next = len.checked_next_multiple_of(4)?;
    Some((field, bytes.get(next..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::find_build_id;
    use proptest::prelude::*;

    #[test]
    fn the_build_id_is_found_behind_another_note() {
        let mut notes = Vec::new();
        // An ABI tag: name "GNU", 4 bytes of value, type 1.
        notes.extend_from_slice(b"\x04\0\0\0\x04\0\0\0\x01\0\0\0GNU\0\xaa\xbb\xcc\xdd");
        // A build-id of 3 bytes with one byte of padding.
        notes.extend_from_slice(b"\x04\0\0\0\x03\0\0\0\x03\0\0\0GNU\0\x01\x02\x03\0");
        assert_eq!(find_build_id(&notes), Some(&[1, 2, 3][..]));
        assert_eq!(find_build_id(&notes[..20]), None);
    }

    proptest! {
        #[test]
        fn any_notes_end(notes in proptest::collection::vec(0_u8..8, 0..128)) {
            let found = find_build_id(&notes);
            prop_assert!(found.is_none_or(|id| id.len() <= notes.len()));
        }
    }
}
