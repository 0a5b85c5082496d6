//! Tells a deliberate panic by the name of its test and by its message.
//!
//! Runs on: threads that audit. Must not: take a test that asserts that nothing panics for one that panics on purpose.

use std::sync::LazyLock;

use regex::Regex;

/// Names of tests that are about panics. The words stand at the beginning of a part of the name: `panics_twice`,
/// `pool::on_abort`, `handlesPanic`.
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "panic|poison|unwind|abort|crash|should_?fail|must_?fail|explode|explosion|kamikaze";
    Regex::new(&format!(r"(^|[^a-zA-Z])(?i:{words})|[a-z](Panic|Poison|Unwind|Abort|Crash)")).ok()
});

/// Names that say the opposite: `does_not_panic`, `never_aborts`, `no_unwind`, `panic_free`.
static OPPOSITE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(^|[^a-z])(no|not|non|never|without|cannot|cant|doesnt|dont|wont|must_?nt|free_?of)_?(be_)?(panic|poison|unwind|abort|crash|explode)|(panic|crash|abort)_?(free|less)",
    )
    .ok()
});

/// Messages that say that they are meant.
static MESSAGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\b(explicit panic|intentional(ly)?|deliberate(ly)?|on purpose|purposefully|simulated|injected|",
        r"expected (panic|crash|failure)|(panic|crash|failure) (is|was) expected|this is expected|as expected|",
        r"(test|dummy|fake|mock) (panic|crash)|panic(king)? (for|in|from) (a |the )?test(ing)?|please ignore|ignore this panic)\b",
        r"|^\s*\(?(expected|test|boom|oops|panic|kaboom)!*\)?\s*$",
    ))
    .ok()
});

/// Whether the name of a test says that it panics on purpose.
pub(super) fn name_says_so(test: &str) -> bool {
    matches(&NAME, test) && !matches(&OPPOSITE, test)
}

/// Whether a message says that its panic is meant.
pub(super) fn message_says_so(message: &str) -> bool {
    matches(&MESSAGE, message)
}

fn matches(regex: &LazyLock<Option<Regex>>, text: &str) -> bool {
    regex.as_ref().is_some_and(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expressions_compile() {
        assert!(NAME.is_some() && OPPOSITE.is_some() && MESSAGE.is_some());
    }

    #[test]
    fn names_that_speak_of_panics_are_deliberate_and_their_opposites_are_not() {
        for name in [
            "tests::panics_in_a_worker",
            "panic_tests::worker",
            "tests::worker_panic",
            "tests::pool_is_poisoned",
            "tests::survives_an_abort",
            "tests::catch_unwind_keeps_it",
            "tests::this_should_fail",
            "tests::handlesPanic",
            "CrashTest::runs",
        ] {
            assert!(name_says_so(name), "{name}");
        }
        for name in [
            "tests::does_not_panic",
            "tests::never_panics_on_any_input",
            "tests::no_panic",
            "tests::without_unwinding",
            "tests::is_panic_free",
            "tests::charges_twice",
            "tests::hispanic_names",
            "tests::rewinding",
            "tests::unwound",
            "",
        ] {
            assert!(!name_says_so(name), "{name}");
        }
    }

    #[test]
    fn messages_that_say_so_are_deliberate_and_those_of_failed_checks_are_not() {
        for message in [
            "explicit panic",
            "intentional",
            "this worker dies on purpose",
            "Deliberately thrown away",
            "expected panic",
            "a crash was expected, and here it is",
            "expected",
            "boom",
            "Boom!",
            "test panic",
            "panic for testing",
            "injected failure",
        ] {
            assert!(message_says_so(message), "{message}");
        }
        for message in [
            "expected 3, got 4",
            "unexpected end of file",
            "called `Option::unwrap()` on a `None` value",
            "unintentional",
            "connection lost",
            "the test server went away",
            "boom in the engine room 7",
            "",
        ] {
            assert!(!message_says_so(message), "{message}");
        }
    }
}
