//! Compares the last word on each panic with the verdict that it deserves.
//!
//! Runs on: any thread of the parent. Must not: accept a word because the agent says it; a field may be
//! better than what is required here only if it is the truth.

use core::fmt;

use panic_agent::Report;
use panic_agent::record::{Basis, Fate, HandlerKind, Place, Receipt, StopKind};

use super::{Deviation, deviate, outcome_of, subject};
use crate::child::Observed;
use crate::{
    Delivery, Expectation, ExpectedPanic, LastWord, Names, Outcome, Probes, Profile, Setting, Verdict,
    uncaught, word,
};

/// One panic under judgement.
struct Case<'a> {
    setting: Setting,
    /// The truth.
    truth: Verdict,
    /// What of it must be known.
    due: Verdict,
    /// The process may be gone, or an event lost, before the last word: less may be known.
    at_risk: bool,
    word: &'a LastWord,
    deviations: Vec<(&'static str, String, String)>,
}

/// Judges the lines `pairs`, which were assigned to expected panics by message and thread.
pub(super) fn judge(
    expected: &Expectation,
    setting: Setting,
    observed: &Observed,
    pairs: &[(&Report, &ExpectedPanic)],
    found: &mut Vec<Deviation>,
) {
    for (report, panic) in pairs {
        let Some(word) = observed.lines.last_word(report) else { continue };
        let Outcome { stop, handler, abort_reason, .. } = outcome_of(report);
        let predicted = Outcome { stop, handler, abort_reason, fate: outcome_of(report).predicted_fate() };
        let astray = setting.probes == Probes::Names
            && predicted.stop != StopKind::Unknown
            && !panic.accepts(predicted, setting.profile);
        let told = if astray { panic.verdict.told_by_hooks() } else { panic.verdict };
        let due = told.known_in(setting, predicted, expected.ends_in_order);
        let at_risk = expected.delivery != Delivery::Certain;
        let mut case = Case { setting, truth: panic.verdict, due, at_risk, word, deviations: Vec::new() };
        case.fate(predicted);
        case.receipt();
        case.place();
        case.flags();
        case.reason();
        case.course();
        let deviations = case.deviations;
        for (field, wanted, seen) in deviations {
            deviate(found, &format!("{}, {field}", subject(report)), wanted, seen);
        }
        // The truth may be told although less is due.
        let told = panic.verdict.link.filter(|link| word.relation.as_deref() == Some(link.relation));
        let due = Verdict { link: told.or(due.link), ..due };
        chain(expected, setting, &due, report, word, pairs, found);
    }
}

impl Case<'_> {
    fn expect(&mut self, fits: bool, field: &'static str, due: impl fmt::Debug, found: impl fmt::Debug) {
        if !fits {
            self.deviations.push((field, format!("{due:?}"), format!("{found:?}")));
        }
    }

    fn is_abort(&self) -> bool {
        self.setting.profile == Profile::Abort
    }

    /// Whether less than the truth may be told, because nothing in this build tells what was inlined where: that
    /// something caught it, but not who; and not who dropped what was caught. Roots need no names.
    fn less_may_be_known(&self) -> bool {
        let by_names = self.setting.probes == Probes::Names && self.word.fate == Fate::Unknown;
        by_names
            || self.setting.profile.names() != Names::Inlined
                && matches!(self.truth.fate, Fate::Caught | Fate::RuntimeCaught | Fate::Unknown)
    }

    /// Whether the truth may be told although less is due: it is never wrong.
    fn truth_allowed(&self) -> bool {
        !self.is_abort()
    }

    fn fate(&mut self, predicted: Outcome) {
        let LastWord { fate, basis, .. } = *self.word;
        let announced =
            self.at_risk && (basis != Basis::Confirmed && fate == predicted.fate || fate == Fate::Unknown);
        let by_nobody_known = self.word.landing.as_ref().is_none_or(|by| by.kind == HandlerKind::Unknown);
        let less =
            self.less_may_be_known() && (fate == Fate::Unknown || fate == Fate::Caught && by_nobody_known);
        let fits =
            fate == self.due.fate || self.truth_allowed() && fate == self.truth.fate || announced || less;
        self.expect(fits, "fate", word(&self.due.fate), word(&fate));
        let settled = if self.setting.probes == Probes::Names { fate } else { self.due.fate };
        let basis_fits = match (settled, self.setting.probes) {
            // The process dies at once: how much was seen of it is a matter of luck.
            (Fate::Aborted, _) => basis != Basis::Inferred,
            (_, Probes::On) => basis == self.due.basis || self.at_risk,
            (_, Probes::Off | Probes::Names) => basis != Basis::Confirmed || basis == self.due.basis,
        };
        self.expect(basis_fits, "basis", word(&self.due.basis), word(&basis));
        let expected =
            if fate == Fate::Unknown { self.word.uncaught.filter(|known| !known) } else { uncaught(fate) };
        self.expect(self.word.uncaught == expected, "uncaught", expected, self.word.uncaught);
    }

    fn receipt(&mut self) {
        let receipt = self.word.receipt;
        let open = self.at_risk && matches!(receipt, Receipt::Pending | Receipt::Unknown);
        let truth = self.truth_allowed() && Some(receipt) == self.truth.receipt;
        // That it was read, or is still held, is seen in every build.
        let seen = matches!(self.truth.receipt, Some(Receipt::Read | Receipt::Pending));
        let less = self.less_may_be_known() && receipt == Receipt::Unknown && !seen;
        let fits = Some(receipt) == self.due.receipt || truth || open || less;
        self.expect(fits, "receipt", self.due.receipt.map(|due| word(&due)), word(&receipt));
    }

    /// The file and the function where the program had the payload in its hands.
    fn place(&mut self) {
        let known = matches!(self.word.receipt, Receipt::Read | Receipt::Received);
        let found = self.word.received_at.clone();
        match (self.due.place.filter(|_| known), found) {
            (Some(due), found) => {
                let inlined = self.setting.profile.names() == Names::Inlined;
                let nameless = |found: &Place| !inlined || self.at_risk && found.function.is_none();
                let fits = found.as_ref().is_some_and(|found| is_at(due, found) || nameless(found));
                self.expect(fits, "received_at", due, found.map(|found| (found.file, found.function)));
            }
            (None, Some(found)) if !known && self.word.receipt != Receipt::Unknown => {
                self.expect(false, "received_at", "null", found.function);
            }
            _ => {}
        }
    }

    fn flags(&mut self) {
        let LastWord { silent, swallowed, .. } = *self.word;
        for (field, found, due, truth) in [
            ("silent", silent, self.due.silent, self.truth.silent),
            ("swallowed", swallowed, self.due.swallowed, self.truth.swallowed),
        ] {
            let less = self.less_may_be_known() && self.word.receipt == Receipt::Unknown;
            let open = (self.at_risk || less) && found.is_none();
            let truth = self.truth_allowed() && found == truth;
            self.expect(found == due || truth || open, field, due, found);
        }
    }

    /// What is unknown has a reason, and an abort has its own.
    fn reason(&mut self) {
        let reason = self.word.reason.clone();
        if self.word.fate == Fate::Aborted {
            let unnamed = self.setting.profile.names() != Names::Inlined
                && reason.as_deref() == Some("abort_unnamed_no_symbols");
            let truth = self.truth_allowed() && reason == self.truth.abort_reason.map(|why| word(&why));
            let due = self.due.abort_reason.map(|why| word(&why));
            self.expect(reason == due || truth || unnamed, "reason", due, reason);
        } else if self.word.fate == Fate::Unknown || self.word.receipt == Receipt::Unknown {
            self.expect(reason.is_some(), "reason", "a reason for what is unknown", "none");
        }
    }

    /// How often it was thrown again, and who stopped it at last.
    fn course(&mut self) {
        if self.at_risk {
            return;
        }
        self.expect(self.due.hops.accepts(self.word.hops), "hops", self.due.hops, self.word.hops);
        let found = self.word.landing.as_ref().map(|handler| handler.kind);
        let due = self.due.landing.filter(|_| !matches!(self.due.fate, Fate::Aborted | Fate::Interrupted));
        let truth = self.truth_allowed() && found == self.truth.landing
            || self.less_may_be_known() && found == Some(HandlerKind::Unknown);
        // Without probes nobody sees it land, and at best a later panic tells.
        let fits = found == due || truth || self.setting.probes != Probes::On && found.is_none();
        self.expect(fits, "landing", due.map(|due| word(&due)), found.map(|found| word(&found)));
    }
}

/// The chain: its first panic, by its index in the expectation, and the word for the link.
fn chain(
    expected: &Expectation,
    setting: Setting,
    due: &Verdict,
    report: &Report,
    word: &LastWord,
    pairs: &[(&Report, &ExpectedPanic)],
    found: &mut Vec<Deviation>,
) {
    let relation = due.link.map(|link| link.relation);
    // That a panic died in a one-time initialization is a name on its stack; and a destructor that was inlined into the
    // frame of the catch runs after the landing, so what panics in it is nested in nothing.
    let unseen = word.relation.is_none() && matches!(relation, Some("poisoned_init" | "while_unwinding"));
    if unseen && (setting.profile.names() != Names::Inlined || setting.probes == Probes::Names) {
        return;
    }
    if word.relation.as_deref() != relation {
        let name = |relation: Option<&str>| relation.unwrap_or("none").to_owned();
        let field = format!("{}, relation", subject(report));
        deviate(found, &field, name(relation), name(word.relation.as_deref()));
        return;
    }
    let first = match due.link {
        None => Some(report.head.id),
        Some(link) => expected.panics.get(link.first).and_then(|first| {
            let is_first =
                |panic: &ExpectedPanic| panic.message == first.message && panic.thread == first.thread;
            pairs.iter().find(|(_, panic)| is_first(panic)).map(|(report, _)| report.head.id)
        }),
    };
    if first.is_some_and(|first| first != word.incident) {
        let field = format!("{}, incident", subject(report));
        deviate(found, &field, first.map_or_else(String::new, |id| id.to_string()), word.incident);
    }
}

/// Whether a place is `file::function`: closures and instances of the function count as the function. An inlined
/// function of a build with line tables only has a bare name, and a closure of it not even that: then the file
/// must do.
fn is_at(due: &str, found: &Place) -> bool {
    let Some((file, function)) = due.split_once("::") else { return false };
    let in_file = found.file.as_deref().is_some_and(|path| path.ends_with(&format!("scenarios/{file}.rs")));
    let name = found.function.as_deref().unwrap_or_default();
    // Compilers from 1.96 on name an instance of a generic function with its arguments.
    let mut name = name.split_once("::<").map_or(name, |(generic, _)| generic);
    while let Some((outer, _)) = name.rsplit_once("::").filter(|(_, last)| last.starts_with('{')) {
        name = outer;
    }
    // `drop`, `holder<..>` and `{closure#0}` without a path.
    let bare = !name.split('<').next().unwrap_or_default().contains("::");
    let last = function.rsplit("::").next().unwrap_or(function);
    let named =
        name.ends_with(function) || bare && (name.starts_with('{') || name.split('<').next() == Some(last));
    in_file && named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_belongs_to_its_function_and_another_file_does_not_count() {
        let place = |function: &str, file: &str| -> Place {
            serde_json::from_value(serde_json::json!({ "function": function, "file": file })).unwrap()
        };
        let file = "agent-demo/src/scenarios/locks.rs";
        assert!(is_at("locks::holder", &place("agent_demo::scenarios::locks::holder", file)));
        assert!(is_at("locks::holder", &place("a::locks::holder::{{closure}}::{closure#1}", file)));
        assert!(is_at("locks::holder", &place("a::locks::holder::<a::locks::other::{closure#0}>", file)));
        assert!(!is_at("locks::holder", &place("a::locks::other::<a::locks::holder::{closure#0}>", file)));
        assert!(is_at("locks::holder", &place("holder<a::locks::other::{closure_env#0}>", file)));
        assert!(is_at("locks::holder", &place("{closure#0}", file)));
        assert!(!is_at("locks::holder", &place("{closure#0}", "src/scenarios/other.rs")));
        assert!(!is_at("locks::holder", &place("other<a::locks::holder>", file)));
        assert!(!is_at("locks::holder", &place("a::locks::other", file)));
        assert!(!is_at("locks::holder", &place("a::locks::holder", "src/scenarios/other.rs")));
    }
}
