//! What is read of an image of Windows (PE): where its code lies, and the identity of its debug information.
//!
//! Runs on: `refresh`. Must not: trust a number: every read is checked.
//! Source: Microsoft's description of the PE format; the `RSDS` record of CodeView.

/// Sections that are looked at: real images have a dozen.
const MAX_SECTIONS: u32 = 96;
/// Entries of the debug directory that are looked at.
const MAX_DEBUG: u32 = 16;
/// `IMAGE_SCN_MEM_EXECUTE`.
const EXECUTABLE: u32 = 0x2000_0000;
/// `IMAGE_DEBUG_TYPE_CODEVIEW`.
const CODE_VIEW: u32 = 2;

/// Reads bytes of the image at an address relative to it; `None` where there are none.
type Read<'r> = &'r dyn Fn(u32, &mut [u8]) -> Option<()>;

/// Start and end of each section with code, relative to the image, and GUID and age as symbol servers write them.
type Found = (Vec<(u64, u64)>, Option<String>);

/// What the headers of an image say as it lies in memory; `None` if it is none.
pub(super) fn headers(read: Read<'_>) -> Option<Found> {
    if bytes::<2>(read, 0)? != *b"MZ" {
        return None;
    }
    let header = word(read, 0x3c)?;
    if bytes::<4>(read, header)? != *b"PE\0\0" {
        return None;
    }
    let sections = u32::from(half(read, header.checked_add(6)?)?);
    let optional_len = u32::from(half(read, header.checked_add(20)?)?);
    let optional = header.checked_add(24)?;
    let section_table = optional.checked_add(optional_len)?;
    let mut code = Vec::new();
    for index in 0..sections.min(MAX_SECTIONS) {
        let at = section_table.checked_add(index.checked_mul(40)?)?;
        let (len, start) = (word(read, at.checked_add(8)?)?, word(read, at.checked_add(12)?)?);
        if word(read, at.checked_add(36)?)? & EXECUTABLE != 0 {
            code.push((u64::from(start), u64::from(start).saturating_add(u64::from(len))));
        }
    }
    Some((code, id(read, optional)))
}

/// The `RSDS` record that the debug directory leads to.
fn id(read: Read<'_>, optional: u32) -> Option<String> {
    // The directories of a 64-bit image begin further on than those of a 32-bit one.
    let directories = match half(read, optional)? {
        0x20b => 112,
        0x10b => 96,
        _ => return None,
    };
    let debug = optional.checked_add(directories)?.checked_add(6 * 8)?;
    let (table, len) = (word(read, debug)?, word(read, debug.checked_add(4)?)?);
    for index in 0..(len / 28).min(MAX_DEBUG) {
        let entry = table.checked_add(index.checked_mul(28)?)?;
        if word(read, entry.checked_add(12)?)? != CODE_VIEW {
            continue;
        }
        let record = word(read, entry.checked_add(20)?)?;
        let [b'R', b'S', b'D', b'S', guid @ ..] = bytes::<20>(read, record)? else { continue };
        return Some(text(guid, word(read, record.checked_add(20)?)?));
    }
    None
}

/// The first three parts of a GUID are numbers, written with their high byte first.
fn text(guid: [u8; 16], age: u32) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let bytes = order.into_iter().filter_map(|at: usize| guid.get(at));
    bytes.map(|byte| format!("{byte:02X}")).chain([format!("{age:X}")]).collect()
}

fn bytes<const N: usize>(read: Read<'_>, at: u32) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    read(at, &mut bytes)?;
    Some(bytes)
}

fn word(read: Read<'_>, at: u32) -> Option<u32> {
    bytes(read, at).map(u32::from_le_bytes)
}

fn half(read: Read<'_>, at: u32) -> Option<u16> {
    bytes(read, at).map(u16::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image with two sections, of which one has code, and an `RSDS` record.
    fn image(code_view: u32) -> Vec<u8> {
        let mut image = vec![0_u8; 0x1000];
        let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"MZ");
        put(0x3c, &0x80_u32.to_le_bytes());
        put(0x80, b"PE\0\0");
        put(0x86, &2_u16.to_le_bytes());
        put(0x94, &240_u16.to_le_bytes());
        put(0x98, &0x20b_u16.to_le_bytes());
        put(0x98 + 112 + 48, &0x400_u32.to_le_bytes());
        put(0x98 + 112 + 52, &28_u32.to_le_bytes());
        put(0x400 + 12, &code_view.to_le_bytes());
        put(0x400 + 20, &0x500_u32.to_le_bytes());
        put(0x500, b"RSDS");
        put(0x504, &[0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77, 1, 2, 3, 4, 5, 6, 7, 8]);
        put(0x514, &10_u32.to_le_bytes());
        let sections = 0x98 + 240;
        put(sections + 8, &0x234_u32.to_le_bytes());
        put(sections + 12, &0x1000_u32.to_le_bytes());
        put(sections + 36, &(EXECUTABLE | 0x20).to_le_bytes());
        put(sections + 40 + 8, &0x99_u32.to_le_bytes());
        put(sections + 40 + 12, &0x2000_u32.to_le_bytes());
        image
    }

    fn read_from(image: &[u8]) -> Option<Found> {
        headers(&|at, into| {
            let from = image.get(at as usize..)?.get(..into.len())?;
            into.copy_from_slice(from);
            Some(())
        })
    }

    #[test]
    fn code_and_identity_are_read_as_symbol_servers_write_it() {
        let (code, id) = read_from(&image(CODE_VIEW)).unwrap();
        assert_eq!(code, [(0x1000, 0x1234)]);
        assert_eq!(id.as_deref(), Some("11223344556677880102030405060708A"));
        assert_eq!(read_from(&image(4)).unwrap().1, None, "another kind of debug information");
    }

    #[test]
    fn what_is_cut_anywhere_or_has_any_byte_changed_is_read_without_harm() {
        let whole = image(CODE_VIEW);
        for len in 0..whole.len() {
            let found = read_from(&whole[..len]);
            assert!(found.is_none() || len >= 0x98 + 240 + 80, "{len}");
        }
        for at in 0..0x520 {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            let _any_answer = read_from(&changed);
        }
        assert_eq!(read_from(b"\x7fELF"), None);
    }
}
