//! What becomes of a handle or an error, as a place and a finding.
//!
//! Runs on: the threads that read files. Must not: find out; `fate` does.

use syn::Expr;

use super::fate::{Fate, as_outcome};
use super::flow::is_looked_after;
use super::kind::Runner;
use super::record::{finding, site, span_of};
use super::rule::Rule;
use super::site::{Becomes, Certainty, SiteKind};
use super::walk::Walker;

pub(super) fn of_handle(runner: Runner, fate: &Fate) -> Becomes {
    match fate {
        _ if is_looked_after(runner) => Becomes::Supervised,
        Fate::Dropped(_) => Becomes::Orphan,
        Fate::Joined => Becomes::Joined,
        Fate::Awaited => Becomes::Awaited,
        _ => Becomes::Kept,
    }
}

/// A call that is noted.
#[derive(Clone, Copy)]
pub(super) struct Call<'e> {
    pub(super) expr: &'e Expr,
    /// What is called, in words.
    pub(super) api: &'e str,
    pub(super) certainty: Certainty,
    /// The code that it runs.
    pub(super) runs: Option<&'e Expr>,
}

impl Call<'_> {
    /// Notes it as a place; its number.
    pub(super) fn site(self, walker: &mut Walker<'_, '_>, kind: SiteKind, becomes: Becomes) -> usize {
        site(walker, kind, self.api, self.expr, self.runs, becomes, self.certainty)
    }

    /// Notes that it breaks a rule.
    fn breaks(self, walker: &mut Walker<'_, '_>, rule: Rule, message: String, label: String, site: usize) {
        finding(walker, rule, self.certainty, span_of(self.expr), message, label, Some(site));
    }

    /// Notes that nobody is told of a panic of what it starts.
    pub(super) fn orphan(self, walker: &mut Walker<'_, '_>, message: String, label: String) {
        let site = self.site(walker, SiteKind::Spawn, Becomes::Orphan);
        self.breaks(walker, Rule::DroppedHandle, message, label, site);
    }
}

pub(super) fn spawn(walker: &mut Walker<'_, '_>, call: Call<'_>, runner: Runner, fate: &Fate) {
    let becomes = of_handle(runner, fate);
    if let (Becomes::Orphan, Fate::Dropped(how)) = (becomes, fate) {
        let message = match runner {
            Runner::Smol if !how.contains("detach") => {
                "the handle of a task is dropped: the task is cancelled, and a panic of it is lost".to_owned()
            }
            _ => format!("the handle of a {} is dropped: if it panics, nobody is told", runner.noun()),
        };
        return call.orphan(walker, message, how_label(how));
    }
    call.site(walker, SiteKind::Spawn, becomes);
}

pub(super) fn abort_only(walker: &mut Walker<'_, '_>, call: Call<'_>) {
    let site = call.site(walker, SiteKind::Spawn, Becomes::AbortOnly);
    if !walker.env.index.has_panic_handler {
        let message = Rule::AbortingSpawn.title().to_owned();
        call.breaks(walker, Rule::AbortingSpawn, message, "nobody catches its panic".to_owned(), site);
    }
}

pub(super) fn outcome(walker: &mut Walker<'_, '_>, call: Call<'_>, kind: SiteKind, fate: &Fate) {
    let fate = as_outcome(fate.clone());
    let becomes = match &fate {
        Fate::Swallowed(_) => Becomes::Swallowed,
        Fate::Lost(_) => Becomes::Lost,
        Fate::Asserted => Becomes::Asserted,
        Fate::Carried => Becomes::CarriedOn,
        Fate::Read => Becomes::Read,
        _ => Becomes::Kept,
    };
    let site = call.site(walker, kind, becomes);
    let (rule, message, how) = match (fate, kind) {
        (Fate::Swallowed(how), SiteKind::Catch) => {
            (Rule::SwallowedCatch, Rule::SwallowedCatch.title().to_owned(), how)
        }
        (Fate::Swallowed(how), _) => (
            Rule::IgnoredJoin,
            format!("{}: the error that says how it died is thrown away unread", call.api),
            how,
        ),
        (Fate::Lost(how), _) => (Rule::LostPayload, Rule::LostPayload.title().to_owned(), how),
        _ => return,
    };
    call.breaks(walker, rule, message, how_label(&how), site);
    if rule == Rule::SwallowedCatch && call.runs.is_some_and(|code| super::items::is_foreign(walker, code)) {
        let message = Rule::DroppedPayload.title().to_owned();
        let guess = Call { certainty: Certainty::Guessed, ..call };
        guess.breaks(walker, Rule::DroppedPayload, message, "runs what the caller gave".to_owned(), site);
    }
}

/// How a value goes, as a label.
pub(super) fn how_label(how: &str) -> String {
    match how {
        "the statement" => "dropped at the end of the statement".to_owned(),
        how if how.contains("never") || how.contains("looked at") => how.to_owned(),
        how => format!("thrown away by {how}"),
    }
}
