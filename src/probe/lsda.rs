//! Asks the handler frame's table what the landing means: a catch, or a frame that must not unwind.
//!
//! Runs on: the panicking thread, once per panic, right after the personality routine read the same bytes.
//! Must not: allocate, panic; read a byte that the personality routine does not read.
//!
//! The reader is that of stage `unwind`, which has whole sections elsewhere. Here the table's length is not known, only
//! that the personality routine has just accepted it, so bytes are fetched one by one through `read`.

use crate::record::EhAction;
use crate::unwind::{Personality, Read, ReadError, Source, find_action};

/// What the frame of `function` with the return address `ip` does, by its table at `lsda`.
pub(super) fn action_at(read: &dyn Fn(usize) -> u8, lsda: usize, function: usize, ip: usize) -> EhAction {
    if lsda == 0 {
        return EhAction::None;
    }
    let call = ip.wrapping_sub(1) as u64;
    find_action(&Accepted { read }, lsda as u64, function as u64, call, Personality::Rust)
        .unwrap_or(EhAction::Unknown)
}

/// A table that a personality routine has accepted.
struct Accepted<'a> {
    read: &'a dyn Fn(usize) -> u8,
}

impl<'a> Source for Accepted<'a> {
    type Cursor = At<'a>;

    fn at(&self, address: u64) -> Result<At<'a>, ReadError> {
        Ok(At { read: self.read, address, end: u64::MAX })
    }
}

/// A position in it, and where to stop if that is known.
#[derive(Clone, Copy)]
struct At<'a> {
    read: &'a dyn Fn(usize) -> u8,
    address: u64,
    end: u64,
}

impl Read for At<'_> {
    fn address(&self) -> u64 {
        self.address
    }

    fn is_empty(&self) -> bool {
        self.address >= self.end
    }

    fn split(&mut self, len: u64) -> Result<Self, ReadError> {
        let end = self.address.wrapping_add(len);
        if end < self.address || end > self.end {
            return Err(ReadError::Truncated { address: self.address });
        }
        let head = Self { end, ..*self };
        self.address = end;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let piece = self.split(N as u64)?;
        Ok(core::array::from_fn(|index| (self.read)((piece.address as usize).wrapping_add(index))))
    }

    // Nearly all that a table has is bytes and numbers made of them; the stack may be short.
    fn u8(&mut self) -> Result<u8, ReadError> {
        if self.is_empty() {
            return Err(ReadError::Truncated { address: self.address });
        }
        let byte = (self.read)(self.address as usize);
        self.address = self.address.wrapping_add(1);
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(action(&[0xff, 0xff, 0x05, 4, 0, 0, 0, 0], FUNCTION + 1), EhAction::Unknown);
    }
}
