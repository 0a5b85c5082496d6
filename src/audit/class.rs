//! What can be wrong with a test that passed, and how much that matters.
//!
//! Runs on: threads that audit, and readers. Must not: depend on where a finding came from.

use core::fmt;

use serde::{Deserialize, Serialize};

/// What a finding is. A panic has one class at most: the first in this order that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Class {
    /// A panic after its test had ended: no result of that test can have depended on it.
    Late,
    /// A thread or task died, and nobody received its panic.
    SilentDeath,
    /// A thread or task died and was joined or awaited, and the error was never read.
    Received,
    /// A `catch_unwind` caught a panic, and the error was never read.
    Swallowed,
    /// At the end of the process a panic was still unwinding, or a thread of a test was still alive.
    HarnessEnd,
    /// What satisfied `#[should_panic]` was raised outside of the package under test, and no `expected` text says that it
    /// was the right one.
    WrongShouldPanic,
    /// A test ended the whole process with status 0, so that the tests after it never ran.
    HiddenExit,
    /// A test replaced the panic hook and dropped the agent's.
    HookReplaced,
}

impl Class {
    /// Every class, in the order in which they are tried.
    pub const ALL: [Self; 8] = [
        Self::Late,
        Self::SilentDeath,
        Self::Received,
        Self::Swallowed,
        Self::HarnessEnd,
        Self::WrongShouldPanic,
        Self::HiddenExit,
        Self::HookReplaced,
    ];

    /// The word that stands for it in files, arguments and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::SilentDeath => "silent_death",
            Self::Received => "received",
            Self::Swallowed => "swallowed",
            Self::HarnessEnd => "harness_end",
            Self::WrongShouldPanic => "wrong_should_panic",
            Self::HiddenExit => "hidden_exit",
            Self::HookReplaced => "hook_replaced",
        }
    }

    /// The class with this word, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// All words, separated by commas: what an error message lists.
    pub fn words() -> String {
        Self::ALL.map(Self::word).join(", ")
    }

    /// What it means, in half a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Late => "a panic after its test had ended",
            Self::SilentDeath => "a thread or task died and nobody received its panic",
            Self::Received => "a thread or task died, was joined or awaited, and nobody looked at the error",
            Self::Swallowed => "a panic was caught and nobody looked at it",
            Self::HarnessEnd => "a panic or a thread of a test was still running when the process ended",
            Self::WrongShouldPanic => {
                "`#[should_panic]` was satisfied by a panic from outside of the package under test"
            }
            Self::HiddenExit => "the process ended with status 0 before all tests had finished",
            Self::HookReplaced => "the panic hook was replaced and the earlier one dropped",
        }
    }

    /// The level, unless a policy sets another one.
    pub const fn default_level(self) -> Level {
        match self {
            Self::Late | Self::SilentDeath | Self::HiddenExit => Level::Deny,
            _ => Level::Warn,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What happens to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// Not reported.
    Allow,
    /// Reported.
    Warn,
    /// Reported, and the test binary exits with [`DENIED_STATUS`](super::DENIED_STATUS) instead of 0.
    Deny,
}

impl Level {
    /// `allow`, `warn` or `deny`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_classes_are_the_same_in_both_directions_and_in_json() {
        for class in Class::ALL {
            assert_eq!(Class::from_word(class.word()), Some(class));
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
            assert!(Class::words().split(", ").any(|word| word == class.word()));
        }
        assert_eq!(Class::from_word("silent-death"), None);
        assert_eq!(Class::from_word(""), None);
    }

    #[test]
    fn the_order_of_the_classes_is_the_order_of_the_enumeration() {
        assert!(Class::ALL.is_sorted());
        assert!(Level::Allow < Level::Warn && Level::Warn < Level::Deny);
    }
}
