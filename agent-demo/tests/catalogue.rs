//! The catalogue itself: complete, unambiguous, and each twin really different.

use std::collections::{BTreeMap, BTreeSet};

use agent_demo::{Expectation, Message, Outcome, Probes, Profile, Scenario, Setting, catalogue};
use panic_agent::record::{AbortReason, Basis, Fate, Receipt};

#[test]
fn names_are_unique_and_in_kebab_case() {
    let mut seen = BTreeSet::new();
    for scenario in catalogue::all() {
        assert!(seen.insert(scenario.name), "{} stands there twice", scenario.name);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(scenario.name.bytes().all(plain), "{}", scenario.name);
        assert!(!scenario.summary.is_empty() && !scenario.situation.is_empty());
    }
}

/// What a reader of the lines would see, without the words of the message.
fn visible(scenario: &Scenario) -> [String; 2] {
    [Profile::Debug, Profile::Lines].map(|profile| visible_in(scenario, profile))
}

fn visible_in(scenario: &Scenario, profile: Profile) -> String {
    let Expectation { exit, panics, delivery, hookless, .. } = scenario.expectation(profile);
    let panics: Vec<_> = panics
        .iter()
        .chain(&hookless)
        .map(|panic| {
            let message = match panic.message {
                Message::Contains(_) => "text",
                Message::Empty => "empty",
                Message::Null => "null",
            };
            (message, panic.thread, panic.outcomes, panic.count, panic.verdict)
        })
        .collect();
    format!("{exit} {delivery:?} {panics:?}")
}

#[test]
fn a_twin_exists_and_comes_out_differently() {
    let mut alike = Vec::new();
    for scenario in catalogue::all() {
        let Some(twin) = scenario.twin else { continue };
        let twin = catalogue::find(twin).unwrap_or_else(|| panic!("{}: no twin {twin}", scenario.name));
        if visible(scenario) == visible(twin) {
            alike.push(format!("{} and {}", scenario.name, twin.name));
        }
    }
    assert!(alike.is_empty(), "alike: {}", alike.join(", "));
}

#[test]
#[cfg(all(feature = "cpp", feature = "libraries"))]
fn every_handler_and_every_reason_that_a_program_can_show_occurs() {
    use panic_agent::record::HandlerKind;

    let outcomes: Vec<Outcome> = catalogue::all()
        .flat_map(|scenario| scenario.expectation(Profile::Debug).panics)
        .flat_map(|panic| panic.outcomes.iter().copied())
        .collect();
    // A test harness catches in `tests/harness`; tower is not in the demo.
    for kind in [
        HandlerKind::User,
        HandlerKind::ThreadRoot,
        HandlerKind::MainRoot,
        HandlerKind::TokioTask,
        HandlerKind::TokioBlocking,
        HandlerKind::Rayon,
        HandlerKind::Futures,
        HandlerKind::Foreign,
    ] {
        assert!(outcomes.iter().any(|outcome| outcome.handler == Some(kind)), "{kind:?}");
    }
    // `strategy_abort` is the answer to every scenario of that profile; a hook that panics is not announced.
    for reason in [
        AbortReason::NounwindBoundary,
        AbortReason::DropDuringUnwind,
        AbortReason::NoHandler,
        AbortReason::ThreadResultDrop,
        AbortReason::TlsDestructor,
    ] {
        assert!(outcomes.iter().any(|outcome| outcome.abort_reason == Some(reason)), "{reason:?}");
    }
}

#[test]
fn with_panic_abort_every_reported_panic_is_fatal() {
    for scenario in catalogue::all() {
        let expected = scenario.expectation(Profile::Abort);
        for panic in &expected.panics {
            assert!(panic.accepts(Outcome::aborted(AbortReason::StrategyAbort), Profile::Abort));
            for outcome in panic.outcomes {
                let is_abort = outcome.fate == Fate::Aborted;
                assert!(is_abort || !panic.accepts(*outcome, Profile::Abort), "{}", scenario.name);
            }
        }
    }
}

#[test]
fn every_situation_of_a_verdict_has_a_scenario_with_a_twin() {
    let mut twins: BTreeMap<&str, bool> = BTreeMap::new();
    for scenario in catalogue::all() {
        *twins.entry(scenario.situation).or_default() |= scenario.twin.is_some();
    }
    let alone: Vec<_> =
        twins.iter().filter(|(situation, has)| !**has && **situation != "simultaneous panics").collect();
    assert!(alone.is_empty(), "{alone:?}");
    // Fewer features, fewer situations.
    let least = if cfg!(all(feature = "cpp", feature = "libraries")) { 45 } else { 35 };
    assert!(twins.len() >= least, "{} situations", twins.len());
}

#[test]
fn every_panic_has_a_verdict_that_says_who_received_it() {
    for scenario in catalogue::all() {
        let expected = scenario.expectation(Profile::Debug);
        for panic in expected.panics.iter().chain(&expected.hookless) {
            let verdict = panic.verdict;
            assert!(verdict.receipt.is_some(), "{}: {}", scenario.name, panic.message);
            let has_place = matches!(verdict.receipt, Some(Receipt::Read | Receipt::Received));
            assert_eq!(verdict.place.is_some(), has_place, "{}: {}", scenario.name, panic.message);
        }
    }
}

#[test]
fn every_silent_scenario_has_a_twin_that_is_not_silent() {
    let is_silent = |scenario: &Scenario| {
        let expected = scenario.expectation(Profile::Debug);
        expected.panics.iter().any(|panic| panic.verdict.silent == Some(true))
    };
    let silent: Vec<_> = catalogue::all().filter(|scenario| is_silent(scenario)).collect();
    assert!(!silent.is_empty());
    for scenario in silent {
        let twin = scenario.twin.and_then(catalogue::find);
        assert!(twin.is_some_and(|twin| !is_silent(twin)), "{}", scenario.name);
    }
}

#[test]
fn without_probes_nothing_is_said_that_is_not_so() {
    let setting = Setting { profile: Profile::Debug, probes: Probes::Off };
    for scenario in catalogue::all() {
        let expected = scenario.expectation(Profile::Debug);
        for panic in &expected.panics {
            for predicted in panic.outcomes {
                let known = panic.verdict.known_in(setting, *predicted, expected.ends_in_order);
                let name = scenario.name;
                assert_ne!(known.silent, Some(true), "{name}");
                assert_ne!(known.swallowed, Some(true), "{name}");
                assert!(known.hooks_tell || known.basis != Basis::Confirmed, "{name}");
            }
        }
    }
}

#[test]
fn a_mistyped_name_is_answered_with_the_right_one() {
    assert_eq!(catalogue::similar("extern-x").first(), Some(&"extern-c"));
    let similar = catalogue::similar("poisned");
    assert!(!similar.is_empty() && similar.iter().all(|name| name.contains("poisoned")), "{similar:?}");
    assert!(catalogue::similar("").is_empty());
}
