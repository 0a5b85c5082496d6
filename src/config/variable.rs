//! Variables of the environment: one kind of entry for every table of them, and how values are read.
//!
//! Runs on: the thread that installs the agent, and the one that audits. Must not: fail; a bad value is a warning and the
//! value that was there stays.

use core::fmt;
use std::ffi::{OsStr, OsString};

/// Why no value of any variable is accepted in a program that is setuid or setgid, or whose file has capabilities.
const PRIVILEGED: &str = "more rights than whoever started it";

/// A variable that changes an `O`.
pub(super) struct Variable<O> {
    pub(super) name: &'static str,
    pub(super) accepted: &'static str,
    /// `None` when the value is not understood.
    pub(super) apply: fn(&mut O, Value<'_>) -> Option<()>,
}

/// A struct with its defaults, and the variables that change them:
/// `field: type = default; "VARIABLE": accepted => how its value changes the struct;`
macro_rules! options {
    (
        $(#[$about:meta])*
        $name:ident;
        $(
            $(#[$doc:meta])*
            $field:ident: $kind:ty = $default:expr;
            $($variable:literal: $accepted:expr => $apply:expr;)*
        )*
    ) => {
        $(#[$about])*
        pub(crate) struct $name {
            $($(#[$doc])* pub(crate) $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// The operator's word, which wins over the code's.
        const VARIABLES: &[Variable<$name>] =
            &[$($(Variable { name: $variable, accepted: $accepted, apply: $apply },)*)*];
    };
}

pub(super) use options;

/// What a variable is set to, without the white space around it.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    /// As text; what is none has replacement characters.
    pub(super) text: &'a str,
    /// As bytes, which paths are.
    pub(super) path: &'a OsStr,
}

/// Lets every variable that is set change `of`; returns what was not understood.
pub(super) fn apply<O>(
    variables: &[Variable<O>],
    of: &mut O,
    read: impl Fn(&str) -> Option<OsString>,
) -> Vec<EnvWarning> {
    let mut warnings = Vec::new();
    for Variable { name, accepted, apply } in variables {
        let Some(value) = read(name) else { continue };
        let text = value.to_string_lossy();
        let path = value.to_str().map_or(&*value, |text| OsStr::new(text.trim()));
        if apply(of, Value { text: text.trim(), path }).is_none() {
            warnings.push(EnvWarning { variable: name, value: text.into_owned(), accepted });
        }
    }
    warnings
}

/// A warning for every variable that is set, when the program has more rights than whoever started it: none of them may
/// win then, because the path of the log would be that of anybody.
#[cfg(unix)]
pub(super) fn refused<O>(variables: &[Variable<O>]) -> Option<Vec<EnvWarning>> {
    let set = |variable: &&Variable<O>| std::env::var_os(variable.name).is_some();
    let warning = |variable: &Variable<O>| EnvWarning {
        variable: variable.name,
        value: String::new(),
        accepted: PRIVILEGED,
    };
    crate::sys::user::exceeds_its_caller().then(|| variables.iter().filter(set).map(warning).collect())
}

/// The twin for systems without such programs.
#[cfg(not(unix))]
pub(super) fn refused<O>(_: &[Variable<O>]) -> Option<Vec<EnvWarning>> {
    None
}

/// A variable whose value cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EnvWarning {
    variable: &'static str,
    value: String,
    accepted: &'static str,
}

impl fmt::Display for EnvWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, accepted } = self;
        if *accepted == PRIVILEGED {
            return write!(f, "{variable} is ignored, because the program has {PRIVILEGED}");
        }
        write!(f, "{variable}=`{value}` is not understood and was ignored; accepted: {accepted}")
    }
}

/// Puts a value that was understood in its place.
pub(super) fn set<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

/// Accepted by [`switch`].
pub(super) const SWITCH: &str = "`on` or `off`";

/// `on` or `off`.
pub(super) fn switch(value: &str) -> Option<bool> {
    match value {
        "on" | "1" | "true" => Some(true),
        "off" | "0" | "false" => Some(false),
        _ => None,
    }
}

/// What `on` and `off` stand for.
pub(super) fn either<T>(value: &str, on: T, off: T) -> Option<T> {
    switch(value).map(|is_on| if is_on { on } else { off })
}

/// What one of a few words stands for.
pub(super) fn word<T: Copy>(value: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning)
}

/// A text that is not empty.
pub(super) fn non_empty(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}
