//! When to do what.
//!
//! Runs on: the thread that installs the agent, then the writer thread. Must not: do I/O.

use std::time::Duration;

use super::{Action, Event};
use crate::record::{HandlerKind, Report, Verdict};

/// What to do when an [`Event`] occurs, and under which conditions. All conditions must hold. What a condition asks for and is
/// not known does not hold.
///
/// # Examples
/// ```
/// use panic_agent::act::{Action, Event, Reaction};
/// use std::time::Duration;
///
/// // A supervisor restarts the service when workers of the index die unseen: the third time within a minute.
/// let reaction = Reaction::new(Event::Silent, Action::Exit(70))
///     .thread("index-*")
///     .at(3, Duration::from_secs(60));
///
/// let agent = panic_agent::Agent::builder().react(reaction);
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to `AgentBuilder::react`"]
pub struct Reaction {
    pub(super) event: Event,
    pub(super) action: Action,
    pub(super) predicted: bool,
    handler: Option<HandlerKind>,
    thread: Option<String>,
    message: Option<String>,
    function: Option<String>,
    label: Option<(String, String)>,
    pub(super) budget: Option<(u32, Duration)>,
}

impl Reaction {
    /// Does this whenever that occurs.
    pub fn new(event: Event, action: Action) -> Self {
        Self {
            event,
            action,
            predicted: false,
            handler: None,
            thread: None,
            message: None,
            function: None,
            label: None,
            budget: None,
        }
    }

    /// Also when the event is only predicted, from the unwind tables and names: earlier, and possibly wrong. Without probes it
    /// is the only way to react to most events.
    pub fn predicted(mut self) -> Self {
        self.predicted = true;
        self
    }

    /// Only for panics that this kind of handler stopped.
    pub fn handler(mut self, kind: HandlerKind) -> Self {
        self.handler = Some(kind);
        self
    }

    /// Only on threads with such a name. `*` stands for any text.
    pub fn thread(mut self, pattern: impl Into<String>) -> Self {
        self.thread = Some(pattern.into());
        self
    }

    /// Only for panics with such a message. `*` stands for any text. What is told after the panic's own line looks at the first
    /// line of the message, at most 200 bytes of it.
    pub fn message(mut self, pattern: impl Into<String>) -> Self {
        self.message = Some(pattern.into());
        self
    }

    /// Only for panics whose innermost frame of the program is such a function. `*` stands for any text.
    pub fn function(mut self, pattern: impl Into<String>) -> Self {
        self.function = Some(pattern.into());
        self
    }

    /// Only for panics with this label. `*` in the value stands for any text.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.label = Some((key.into(), value.into()));
        self
    }

    /// Only when it occurs for the `times`th time within so long; then the count begins anew.
    pub fn at(mut self, times: u32, within: Duration) -> Self {
        self.budget = Some((times.max(1), within));
        self
    }

    pub(crate) fn event(&self) -> Event {
        self.event
    }

    /// Whether a condition asks for more than a verdict line has.
    pub(super) fn wants_report(&self) -> bool {
        self.function.is_some() || self.label.is_some()
    }

    /// Whether the conditions hold, other than the count.
    pub(super) fn applies(
        &self,
        verdict: &Verdict<'_>,
        handler: Option<HandlerKind>,
        report: Option<&Report>,
    ) -> bool {
        let holds = |pattern: &Option<String>, text: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| matches(pattern, text)))
        };
        let function = || report.and_then(innermost);
        holds(&self.thread, verdict.thread)
            && holds(&self.message, verdict.message)
            && self.handler.is_none_or(|kind| handler == Some(kind))
            && (self.function.is_none() || holds(&self.function, function()))
            && self.label.as_ref().is_none_or(|(key, pattern)| {
                let value = report.and_then(|report| report.labels.get(key));
                value.is_some_and(|value| matches(pattern, value))
            })
    }
}

/// The reaction of the operator's words, `ACTION[@TIMES/SECONDS]`: `warn`, `exit:70`, `abort@3/60`, ….
pub(crate) fn reaction_of(event: Event, text: &str) -> Option<Reaction> {
    let (action, budget) =
        text.split_once('@').map_or((text, None), |(action, budget)| (action, Some(budget)));
    let action = match action.split_once(':') {
        Some(("exit", status)) => Action::Exit(i32::from(status.parse::<u8>().ok()?)),
        None if action == "report" => Action::Report,
        None if action == "warn" => Action::Warn,
        None if action == "abort" => Action::Abort,
        _ => return None,
    };
    let reaction = Reaction::new(event, action);
    let Some(budget) = budget else { return Some(reaction) };
    let (times, seconds) = budget.split_once('/')?;
    let (times, seconds) = (times.parse().ok()?, seconds.parse().ok()?);
    (times > 0 && seconds > 0).then(|| reaction.at(times, Duration::from_secs(seconds)))
}

/// The innermost function of the program.
fn innermost(report: &Report) -> Option<&str> {
    report.frames.iter().find(|frame| frame.in_app == Some(true))?.function.as_deref()
}

/// Whether `pattern`, in which `*` stands for any text, is the whole of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        // The leftmost place leaves most for what follows.
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_the_rest_for_itself() {
        for (pattern, yes, no) in [
            ("worker", &["worker"][..], &["worker-1", "a worker", ""][..]),
            ("worker-*", &["worker-1", "worker-"], &["worker", "my worker-1"]),
            ("*::index::*", &["app::index::add", "::index::"], &["app::index", "index::add"]),
            ("a*b*c", &["abc", "a-b-c", "abbcc"], &["ab", "acb", "abcd"]),
            ("*", &["", "anything"], &[]),
            ("ab*ba", &["abba", "ab-ba"], &["aba"]),
        ] {
            for text in yes {
                assert!(matches(pattern, text), "{pattern} is {text}");
            }
            for text in no {
                assert!(!matches(pattern, text), "{pattern} is not {text}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_no_reaction() {
        for text in
            ["", "exit", "exit:", "exit:256", "exit:-1", "die", "warn@", "warn@0/60", "warn@3/0", "abort@3"]
        {
            assert!(reaction_of(Event::Silent, text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_action_may_wait_for_the_third_time() {
        for (text, action, budget) in
            [("exit:70@3/60", "exit:70", Some((3, Duration::from_secs(60)))), ("warn", "warn", None)]
        {
            let reaction = reaction_of(Event::Uncaught, text).unwrap();
            assert_eq!((reaction.action.to_string(), reaction.budget), (action.to_owned(), budget));
        }
    }
}
