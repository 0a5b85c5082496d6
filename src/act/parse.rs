//! The operator's words for a reaction: `ACTION[@TIMES/SECONDS]`.
//!
//! Runs on: the thread that installs the agent. Must not: fail loudly; the caller names the variable.

use std::time::Duration;

use super::{Action, Event, Reaction};

/// `warn`, `exit:70`, `abort@3/60`, ….
pub(crate) fn reaction_of(event: Event, text: &str) -> Option<Reaction> {
    let (action, budget) = match text.split_once('@') {
        Some((action, budget)) => (action, Some(budget)),
        None => (text, None),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let reaction =
            reaction_of(Event::Uncaught, "exit:70@3/60").map(|one| (one.action.to_string(), one.budget));
        assert_eq!(reaction, Some(("exit:70".to_owned(), Some((3, Duration::from_secs(60))))));
        let reaction = reaction_of(Event::Any, "warn").map(|one| (one.action.to_string(), one.budget));
        assert_eq!(reaction, Some(("warn".to_owned(), None)));
    }
}
