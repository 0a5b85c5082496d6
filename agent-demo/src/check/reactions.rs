//! Compares what the agent warned of with what each panic deserves: each event once, or never.
//!
//! Runs on: any thread of the parent. Must not: look at what the lines say of a panic; what is declared decides.

use panic_agent::Report;
use panic_agent::act::Event;
use panic_agent::record::{Fate, Receipt};

use super::{Deviation, assign, deviate, subject};
use crate::child::Observed;
use crate::verdict::Hops;
use crate::{Delivery, Expectation, ExpectedPanic, Names, Probes, Profile, Setting};

/// The events, with the beginning of what the agent says of each.
const EVENTS: [(Event, &str); 5] = [
    (Event::Any, "a panic"),
    (Event::Uncaught, "a thread died of a panic"),
    (Event::TaskDied, "a task that nobody awaits died of a panic"),
    (Event::Swallowed, "the error of a panic was dropped unread"),
    (Event::Silent, "a panic that nobody can ever see"),
];

/// Whether an event of a panic must be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Once.
    Once,
    /// It is true, and may go unnoticed in this build, or with a process that ends at once.
    Perhaps,
    Never,
}

/// Each reaction that is missing, or wrong, or came twice. `observed` is of a run in which each event is warned of.
pub fn wrong_reactions(expected: &Expectation, setting: Setting, observed: &Observed) -> Vec<Deviation> {
    let mut found = Vec::new();
    // What is assigned to nothing is named by `deviations`.
    let hooked = assign(&expected.panics, &observed.lines.panics, &mut Vec::new());
    let hookless = assign(&expected.hookless, &observed.lines.hookless, &mut Vec::new());
    let mut explained = 0;
    for (report, panic) in hooked.pairs.iter().chain(&hookless.pairs) {
        for (event, sentence) in EVENTS {
            let times = warnings(&observed.stderr, sentence, report);
            // A forked child acts on nothing.
            let in_child = report.soft_errors.iter().any(|error| error.code == "forked_child");
            let due = if in_child { Due::Never } else { due(event, expected, setting, panic) };
            let fits = match due {
                Due::Once => times == 1,
                Due::Perhaps => times <= 1,
                Due::Never => times == 0,
            };
            if !fits {
                deviate(
                    &mut found,
                    &format!("{}, reaction to {event}", subject(report)),
                    format!("{due:?}"),
                    times,
                );
            }
            explained += times;
        }
    }
    let all: usize =
        EVENTS.iter().map(|(_, sentence)| observed.stderr.matches(&start(sentence)).count()).sum();
    if all != explained {
        deviate(&mut found, "reactions", explained, format!("{all}, some to no panic of the scenario"));
    }
    found
}

fn due(event: Event, expected: &Expectation, setting: Setting, panic: &ExpectedPanic) -> Due {
    let truth = panic.verdict;
    // The only word that needs nothing but the hook.
    let is_any = event == Event::Any;
    let is_true = match event {
        Event::Silent => truth.silent == Some(true) || truth.doubted,
        Event::Uncaught => died_of_it(panic),
        Event::TaskDied => truth.fate == Fate::RuntimeCaught && truth.receipt == Some(Receipt::Discarded),
        Event::Swallowed => truth.swallowed == Some(true),
        _ => true,
    };
    if !is_true || (setting.profile == Profile::Abort && !is_any) {
        return Due::Never;
    }
    // Without probes nothing is confirmed, except where the thread panics again.
    if setting.probes != Probes::On && !is_any && !truth.hooks_tell {
        return Due::Never;
    }
    let needs_names = !is_any && event != Event::Uncaught;
    let ends_at_once = !expected.ends_in_order || expected.delivery != Delivery::Certain;
    if ends_at_once || (needs_names && is_unnamed(setting)) {
        return Due::Perhaps;
    }
    Due::Once
}

fn is_unnamed(setting: Setting) -> bool {
    setting.profile.names() != Names::Inlined
}

/// Whether a thread died of it; perhaps its payload was thrown again where the thread was joined.
fn died_of_it(panic: &ExpectedPanic) -> bool {
    let rethrown = panic.verdict.hops != Hops::Exactly(0);
    let at_first = panic.outcomes.iter().all(|outcome| outcome.fate == Fate::ThreadDied);
    panic.verdict.fate == Fate::ThreadDied || (rethrown && at_first)
}

fn start(sentence: &str) -> String {
    format!("panic-agent: {sentence}: thread '")
}

/// How often the agent said this of this panic. Each warning is one write, and yet may stand behind half a line of another
/// thread.
fn warnings(stderr: &str, sentence: &str, report: &Report) -> usize {
    let (start, end) = (start(sentence), format!("({})", report.head.id));
    stderr
        .match_indices(&start)
        .filter(|(at, _)| {
            stderr.get(*at..).and_then(|rest| rest.lines().next()).is_some_and(|line| line.ends_with(&end))
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    /// Scenarios with panics that call for the event, and scenarios of which no panic ever does.
    fn scenarios(event: Event, probes: Probes) -> [usize; 2] {
        let setting = Setting { profile: Profile::Debug, probes };
        let mut counts = [0, 0];
        for scenario in catalogue::all() {
            let expected = scenario.expectation(setting.profile);
            let dues: Vec<Due> =
                expected.panics.iter().map(|panic| due(event, &expected, setting, panic)).collect();
            counts[0] += usize::from(dues.contains(&Due::Once));
            counts[1] += usize::from(!dues.is_empty() && dues.iter().all(|due| *due == Due::Never));
        }
        counts
    }

    #[test]
    fn each_event_has_scenarios_that_call_for_it_and_scenarios_that_do_not() {
        for (event, _) in EVENTS {
            let [acted, never] = scenarios(event, Probes::On);
            assert!(acted >= 5, "{event}: {acted}");
            assert!(event == Event::Any || never >= 20, "{event}: {never}");
        }
    }

    #[test]
    fn without_probes_hardly_anything_but_any_is_called_for() {
        let without = |event| scenarios(event, Probes::Off)[0];
        assert!(without(Event::Any) > 100);
        assert_eq!([Event::Silent, Event::TaskDied].map(without), [0, 0]);
    }
}
