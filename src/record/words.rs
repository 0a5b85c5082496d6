//! Enumerations whose words in the output stand beside their variants, and words that are stored as one byte.
//!
//! Runs on: every thread. Must not: allocate, panic.

/// Declares an enumeration with its words. A public one is a serde type, which is written and read as its word.
macro_rules! worded {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $($(#[$about:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$attribute])*
        pub enum $name {
            $($(#[$about])* #[serde(rename = $word)] $variant,)+
        }

        $crate::record::worded! { @words $name { $($variant = $word,)+ } }
    };
    (
        $(#[$attribute:meta])*
        pub(crate) enum $name:ident {
            $($(#[$about:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$attribute])*
        pub(crate) enum $name {
            $($(#[$about])* $variant,)+
        }

        $crate::record::worded! { @words $name { $($variant = $word,)+ } }
    };
    (@words $name:ident { $($variant:ident = $word:literal,)+ }) => {
        impl $name {
            /// The word in the output.
            pub(crate) const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

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
pub(crate) use worded;
