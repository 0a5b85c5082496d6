//! Enumerations whose words in the output stand beside their variants.
//!
//! Runs on: every thread. Must not: allocate.

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

pub(crate) use worded;
