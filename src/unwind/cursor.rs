//! Bytes with the address at which the program sees them, and a position that moves through them.
//!
//! Runs on: every thread. Must not: read outside the slice, panic, allocate.

use super::ReadError;

/// Bits a LEB128 number may have, seven a byte. Ten bytes hold 64; assemblers pad some numbers with a few more.
const MAX_LEB128_BITS: u32 = 16 * 7;

/// A piece of an image: bytes, and the address (AVMA) of the first of them in the running process.
///
/// The bytes may be a copy; only the address says where they belong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    address: u64,
    bytes: &'a [u8],
}

impl<'a> Section<'a> {
    pub(crate) const fn new(address: u64, bytes: &'a [u8]) -> Self {
        Self { address, bytes }
    }

    /// Address of the first byte.
    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    /// All bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// A cursor at an address inside the section.
    pub(crate) fn at(&self, address: u64) -> Result<Cursor<'a>, ReadError> {
        let out_of_section = ReadError::OutOfSection { address };
        let offset = address.checked_sub(self.address).ok_or(out_of_section)?;
        let offset = usize::try_from(offset).map_err(|_| out_of_section)?;
        match self.bytes.get(offset..) {
            Some(rest) if !rest.is_empty() => Ok(Cursor { rest, address }),
            _ => Err(out_of_section),
        }
    }
}

impl<'a> Source for Section<'a> {
    type Cursor = Cursor<'a>;

    fn at(&self, address: u64) -> Result<Cursor<'a>, ReadError> {
        self.at(address)
    }
}

/// A position in a [`Section`], and the bytes after it up to some end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    address: u64,
}

impl<'a> Cursor<'a> {
    /// The bytes up to the end.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Moves over `len` bytes.
    pub(crate) fn skip(&mut self, len: u64) -> Result<(), ReadError> {
        self.split(len).map(drop)
    }
}

impl Read for Cursor<'_> {
    fn address(&self) -> u64 {
        self.address
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn split(&mut self, len: u64) -> Result<Self, ReadError> {
        let truncated = ReadError::Truncated { address: self.address };
        let count = usize::try_from(len).map_err(|_| truncated)?;
        let (head, tail) = self.rest.split_at_checked(count).ok_or(truncated)?;
        let head = Cursor { rest: head, address: self.address };
        self.rest = tail;
        self.address = self.address.wrapping_add(len);
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (head, tail) =
            self.rest.split_first_chunk::<N>().ok_or(ReadError::Truncated { address: self.address })?;
        self.rest = tail;
        self.address = self.address.wrapping_add(N as u64);
        Ok(*head)
    }
}

/// Bytes that can be read from any address on that they have.
pub(crate) trait Source {
    /// A position in them.
    type Cursor: Read;

    /// A cursor at an address.
    fn at(&self, address: u64) -> Result<Self::Cursor, ReadError>;
}

/// A position that moves through bytes: those of a [`Section`], or of a table whose length nobody knows.
pub(crate) trait Read: Copy {
    /// Address of the next byte.
    fn address(&self) -> u64;

    /// Whether its end is reached.
    fn is_empty(&self) -> bool;

    /// The next `len` bytes as a cursor of their own; this one moves behind them.
    fn split(&mut self, len: u64) -> Result<Self, ReadError>;

    /// The next bytes.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError>;

    fn u8(&mut self) -> Result<u8, ReadError> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, ReadError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, ReadError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ReadError> {
        self.array().map(u64::from_le_bytes)
    }

    /// An unsigned LEB128 number; bits beyond 64 are dropped, as std's reader does.
    fn uleb128(&mut self) -> Result<u64, ReadError> {
        self.leb128().map(|(value, _, _)| value)
    }

    /// A signed LEB128 number.
    fn sleb128(&mut self) -> Result<i64, ReadError> {
        self.leb128().map(|(value, bits, negative)| {
            let extension = if negative { u64::MAX.checked_shl(bits).unwrap_or(0) } else { 0 };
            (value | extension).cast_signed()
        })
    }

    /// Value, number of bits read, and whether the last byte has its sign bit set.
    fn leb128(&mut self) -> Result<(u64, u32, bool), ReadError> {
        let start = self.address();
        let mut value = 0_u64;
        let mut bits = 0_u32;
        while bits < MAX_LEB128_BITS {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f).checked_shl(bits).unwrap_or(0);
            bits = bits.wrapping_add(7);
            if byte & 0x80 == 0 {
                return Ok((value, bits, byte & 0x40 != 0));
            }
        }
        Err(ReadError::Leb128TooLong { address: start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursor(bytes: &[u8]) -> Cursor<'_> {
        Cursor { rest: bytes, address: 0x1000 }
    }

    #[test]
    fn leb128_examples_of_the_dwarf_standard_are_read() {
        // DWARF 5, figures 5 and 6 of appendix C.
        for (bytes, value) in [(&[0x02_u8][..], 2), (&[0x7f], 127), (&[0x80, 1], 128), (&[0xb9, 0x64], 12857)]
        {
            assert_eq!(cursor(bytes).uleb128(), Ok(value));
        }
        for (bytes, value) in [(&[0x02_u8][..], 2), (&[0x7e], -2), (&[0xff, 0], 127), (&[0x80, 0x7f], -128)] {
            assert_eq!(cursor(bytes).sleb128(), Ok(value));
        }
    }

    #[test]
    fn a_number_that_does_not_end_is_named_with_its_address() {
        assert_eq!(cursor(&[0x80; 3]).uleb128(), Err(ReadError::Truncated { address: 0x1003 }));
        assert_eq!(cursor(&[0x80; 20]).uleb128(), Err(ReadError::Leb128TooLong { address: 0x1000 }));
    }

    #[test]
    fn an_address_at_the_end_is_outside() {
        let section = Section::new(0x1000, &[1, 2]);
        assert_eq!(section.at(0x1001).map(|mut cursor| cursor.u8()), Ok(Ok(2)));
        assert_eq!(section.at(0x1002).err(), Some(ReadError::OutOfSection { address: 0x1002 }));
        assert_eq!(section.at(0xfff).err(), Some(ReadError::OutOfSection { address: 0xfff }));
    }

    proptest! {
        #[test]
        fn leb128_agrees_with_gimli(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = gimli::EndianSlice::new(&bytes, gimli::LittleEndian);
            if let Ok(value) = gimli::Reader::read_uleb128(&mut reader) {
                prop_assert_eq!(cursor(&bytes).uleb128(), Ok(value));
            }
            let mut reader = gimli::EndianSlice::new(&bytes, gimli::LittleEndian);
            if let Ok(value) = gimli::Reader::read_sleb128(&mut reader) {
                prop_assert_eq!(cursor(&bytes).sleb128(), Ok(value));
            }
        }
    }
}
