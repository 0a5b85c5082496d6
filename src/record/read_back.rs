//! Words that are stored as one byte, read back.
//!
//! Runs on: every thread. Must not: allocate, panic.

/// Gives an enumeration of one byte its `from_u8`, which knows these words.
macro_rules! read_back {
    ($word:ident: $($known:ident),+; otherwise $other:ident) => {
        impl $word {
            /// Reads back what the panicking thread stored; an unknown number is
            #[doc = concat!("`", stringify!($other), "`.")]
            #[inline]
            pub(crate) fn from_u8(value: u8) -> Self {
                match value {
                    $(known if known == Self::$known as u8 => Self::$known,)+
                    _ => Self::$other,
                }
            }
        }
    };
}

pub(super) use read_back;
