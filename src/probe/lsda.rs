//! Asks the handler frame's table what the landing means: a catch, or a frame that must not unwind.
//!
//! Runs on: the panicking thread, once per panic, right after the personality routine read the same bytes.
//! Must not: allocate, panic; read a byte that the personality routine does not read.
//! Source: Itanium C++ ABI, exception handling tables; Rust std, `personality/dwarf/eh`.
//!
//! (Stage `unwind` reads whole tables out of image slices. Here the table's length is not known, only that
//! the personality routine has just accepted it, so bytes are fetched one by one through `read`.)

use crate::record::EhAction;

const DW_EH_PE_OMIT: u8 = 0xff;

/// Reads bytes in sequence.
struct Reader<'a> {
    read: &'a dyn Fn(usize) -> u8,
    at: usize,
}

/// What the frame of `function` with the return address `ip` does, by its table at `lsda`.
pub(super) fn action_at(read: &dyn Fn(usize) -> u8, lsda: usize, function: usize, ip: usize) -> EhAction {
    if lsda == 0 {
        return EhAction::None;
    }
    let mut reader = Reader { read, at: lsda };
    search(&mut reader, function, ip.wrapping_sub(1)).unwrap_or(EhAction::Unknown)
}

fn search(reader: &mut Reader<'_>, function: usize, ip: usize) -> Option<EhAction> {
    let start_encoding = reader.byte();
    if start_encoding != DW_EH_PE_OMIT {
        // Landing pads relative to somewhere else: no compiler for this platform does it.
        return None;
    }
    if reader.byte() != DW_EH_PE_OMIT {
        reader.uleb();
    }
    let encoding = reader.byte();
    let table_len = reader.uleb() as usize;
    let actions = reader.at.wrapping_add(table_len);
    while reader.at < actions {
        let start = function.wrapping_add(reader.encoded(encoding)? as usize);
        let len = reader.encoded(encoding)? as usize;
        let pad = reader.encoded(encoding)?;
        let action = reader.uleb() as usize;
        if ip < start {
            break;
        }
        if ip < start.wrapping_add(len) {
            return Some(match (pad, action) {
                (0, _) => EhAction::None,
                (_, 0) => EhAction::Cleanup,
                _ => {
                    reader.at = actions.wrapping_add(action).wrapping_sub(1);
                    match reader.sleb() {
                        0 => EhAction::Cleanup,
                        1.. => EhAction::Catch,
                        _ => EhAction::Filter,
                    }
                }
            });
        }
    }
    Some(EhAction::Terminate)
}

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let byte = (self.read)(self.at);
        self.at = self.at.wrapping_add(1);
        byte
    }

    fn fixed(&mut self, bytes: u32) -> u64 {
        (0..bytes).fold(0, |value, index| value | u64::from(self.byte()).wrapping_shl(index.wrapping_mul(8)))
    }

    /// The forms that call-site tables use: offsets from the function's start, not indirect.
    fn encoded(&mut self, encoding: u8) -> Option<u64> {
        match encoding {
            0x00 | 0x04 | 0x0c => Some(self.fixed(8)),
            0x01 => Some(self.uleb()),
            0x02 => Some(self.fixed(2)),
            0x03 => Some(self.fixed(4)),
            _ => None,
        }
    }

    fn uleb(&mut self) -> u64 {
        self.leb().0
    }

    fn sleb(&mut self) -> i64 {
        let (value, bits, last) = self.leb();
        let negative = last & 0x40 != 0 && bits < 64;
        (if negative { value | u64::MAX.wrapping_shl(bits) } else { value }) as i64
    }

    /// Value, bits read, last byte. More than ten bytes are no number of 64 bits.
    fn leb(&mut self) -> (u64, u32, u8) {
        let (mut value, mut bits) = (0u64, 0u32);
        loop {
            let byte = self.byte();
            if bits < 64 {
                value |= u64::from(byte & 0x7f).wrapping_shl(bits);
            }
            bits = bits.saturating_add(7);
            if byte & 0x80 == 0 || bits >= 70 {
                return (value, bits, byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;

    const LSDA: usize = 0x100;
    const FUNCTION: usize = 0x4000;

    fn action(table: &[u8], ip: usize) -> EhAction {
        action_at(&|at| table[at - LSDA], LSDA, FUNCTION, ip)
    }

    /// One site each, of 0x10 bytes: none, cleanup, catch, filter, cleanup by its record; a gap follows.
    const TABLE: [u8; 32] = [
        0xff, 0x9b, 0x1c, // no start, type table further on
        0x01, 20, // uleb, five sites of four bytes
        0x00, 0x10, 0x00, 0x00, //
        0x10, 0x10, 0x50, 0x00, //
        0x20, 0x10, 0x50, 0x01, //
        0x30, 0x10, 0x50, 0x03, //
        0x40, 0x10, 0x50, 0x05, //
        0x01, 0x00, // 1: catch
        0x7f, 0x00, // 3: -1, filter
        0x00, 0x00, // 5: cleanup
        0x00,
    ];

    #[test]
    fn each_site_has_its_action_and_the_rest_terminates() {
        let expected = [
            EhAction::None,
            EhAction::Cleanup,
            EhAction::Catch,
            EhAction::Filter,
            EhAction::Cleanup,
            EhAction::Terminate,
        ];
        for (index, expected) in expected.into_iter().enumerate() {
            // The call is the last instruction of its site: the return address is the next site's start.
            assert_eq!(action(&TABLE, FUNCTION + (index + 1) * 0x10), expected, "site {index}");
        }
    }

    #[test]
    fn four_byte_fields_are_read_too() {
        let table = [
            0xff, 0xff, 0x03, 13, // no type table, udata4, one site
            0, 0, 0, 0, 0x20, 0, 0, 0, 0x30, 0, 0, 0, 1, // site
            1, 0, // catch
        ];
        assert_eq!(action(&table, FUNCTION + 0x20), EhAction::Catch);
        assert_eq!(action(&table, FUNCTION + 0x21), EhAction::Terminate);
    }

    #[test]
    fn without_a_table_there_is_nothing_to_do_and_an_unknown_form_is_said_to_be_unknown() {
        assert_eq!(action_at(&|_| 0, 0, FUNCTION, FUNCTION + 1), EhAction::None);
        assert_eq!(action(&[0xff, 0xff, 0x0b, 4, 0, 0, 0, 0], FUNCTION + 1), EhAction::Unknown);
    }
}
