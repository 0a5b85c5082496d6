//! Recognises panics that only speak of an earlier one, and links them to it.
//!
//! Runs on: the writer thread. Must not: link without evidence; of several candidates none is chosen.

use super::{Kept, Lives, Raise, Saw};
use crate::record::{AbortReason, Fate, worded};
use crate::verdict::life::LifeEvent;

worded! {
    /// How a panic is linked to an earlier one. The words are part of the schema.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Relation {
        /// core's "panic in a function that cannot unwind".
        CannotUnwind = "cannot_unwind",
        /// core's "panic in a destructor during cleanup".
        InCleanup = "in_cleanup",
        /// Raised by a destructor while the earlier one was unwinding on the same thread.
        WhileUnwinding = "while_unwinding",
        /// "a scoped thread panicked".
        Scope = "scope",
        /// `unwrap` or `expect` of an error that holds the earlier panic.
        Unwrap = "unwrap",
        /// A poisoned `Mutex` or `RwLock`.
        PoisonedLock = "poisoned_lock",
        /// A poisoned `LazyLock` or `Once`.
        PoisonedInit = "poisoned_init",
    }
}

/// What the text and the place of a panic say about an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo<'a> {
    /// Nothing.
    None,
    /// `thread::scope` reports that a child panicked.
    Scope,
    /// The `Debug` of a `Box<dyn Any>`: a `join` or `catch_unwind` result was unwrapped.
    Any,
    /// The `Debug` of a tokio `JoinError`, which quotes the message.
    JoinError {
        /// The text after the task's id.
        quoted: &'a str,
    },
    /// A poisoned lock was unwrapped.
    Lock,
    /// A poisoned one-time initialization was used.
    Init,
}

impl Lives {
    /// Finds what a new panic speaks of.
    pub(super) fn link(&mut self, sequence: u64) {
        let Some(raise) = self.raise_of(sequence).cloned() else { return };
        if raise.cannot_unwind || raise.in_cleanup {
            let (relation, reason) = match raise.cannot_unwind {
                true => (Relation::CannotUnwind, AbortReason::NounwindBoundary),
                false => (Relation::InCleanup, AbortReason::DropDuringUnwind),
            };
            // Every panic that was still unwinding on this thread dies with it.
            let mut open = self.unwinding_on(raise.tid, sequence, raise.nested_in);
            open.splice(..0, self.unwinding_as_well(&raise, &open));
            for earlier in &open {
                self.saw(*earlier, Saw::CoreAborts);
                self.apply(*earlier, LifeEvent::MustAbort(Some(reason)));
            }
            if let Some(&innermost) = open.last() {
                self.join_chain(sequence, innermost, relation);
            }
            return;
        }
        if let Some(&outer) = self.unwinding_on(raise.tid, sequence, raise.nested_in).last() {
            self.join_chain(sequence, outer, Relation::WhileUnwinding);
            return;
        }
        let message = raise.message.as_deref().unwrap_or_default();
        match echo(message, raise.by_scope) {
            Echo::None => {}
            Echo::Scope => self.link_scope(sequence, raise.tid),
            Echo::Any => self.link_unwrap(sequence, raise.tid),
            Echo::JoinError { quoted } => self.link_quote(sequence, raise.tid, quoted),
            Echo::Lock => {
                self.link_only(sequence, Relation::PoisonedLock, |kept| kept.cleaned != Some(false))
            }
            Echo::Init => self.link_only(sequence, Relation::PoisonedInit, |kept| {
                kept.raise.as_ref().is_some_and(|raise| raise.in_once != Some(false))
            }),
        }
    }

    /// The dropping thread is unwinding a panic that came from an `unwrap`: this is what it unwrapped.
    pub(super) fn link_dropped(&mut self, sequence: u64, tid: u32) {
        let Some(&follower) = self.open.get(&tid).and_then(|open| open.last()) else { return };
        let Some(kept) = self.kept.get(&follower).filter(|kept| kept.life.is_under_way()) else { return };
        let text = kept.raise.as_ref().and_then(|raise| raise.message.as_deref()).unwrap_or_default();
        if !matches!(echo(text, Some(false)), Echo::Any | Echo::JoinError { .. }) {
            return;
        }
        if follower != sequence && kept.relation.is_none() {
            self.carry(follower, sequence);
        }
    }

    /// Panics that were unwinding on a thread when `sequence` was raised there, outermost first.
    fn unwinding_on(&self, tid: u32, sequence: u64, nested_in: u64) -> Vec<u64> {
        let around = self.around(nested_in);
        let unwinding = |earlier: &u64| around.contains(earlier) || self.is_under_way(*earlier);
        let before = self.open_before(tid, sequence);
        let mut found: Vec<u64> = before.into_iter().filter(unwinding).collect();
        // Destructors that were inlined into the catch frame run after the landing.
        if nested_in != 0 && self.kept.contains_key(&nested_in) && !found.contains(&nested_in) {
            found.push(nested_in);
            found.sort_unstable();
        }
        found
    }

    /// The panic that unwinds further out than these, where only core tells that there is one: a panic left a destructor that ran
    /// because of it. If it can be any of several, all of them are in doubt; and if core does not tell, so is even a single one.
    fn unwinding_as_well(&mut self, by_core: &Raise, inner: &[u64]) -> Option<u64> {
        let is_nested = |sequence: &u64| self.raise_of(*sequence).is_some_and(|raise| raise.perhaps_nested);
        let outermost = *inner.first().filter(|_| inner.iter().any(is_nested))?;
        let earlier = self.open_before(by_core.tid, outermost);
        if let ([only], true) = (earlier.as_slice(), by_core.in_cleanup) {
            self.join_chain(outermost, *only, Relation::WhileUnwinding);
            return Some(*only);
        }
        for sequence in earlier {
            self.apply(sequence, LifeEvent::Doubted);
        }
        None
    }

    /// A panic, and what it is nested in.
    pub(super) fn around(&self, innermost: u64) -> Vec<u64> {
        let mut around = Vec::new();
        let mut next = innermost;
        while next != 0 && !around.contains(&next) {
            around.push(next);
            next = self.raise_of(next).map_or(0, |raise| raise.nested_in);
        }
        around
    }

    /// The scope speaks of children that died without anybody joining them.
    fn link_scope(&mut self, sequence: u64, tid: u32) {
        let is_untold = |kept: &Kept| {
            let outcome = kept.life.outcome();
            let is_scopes = kept.life.is_scopes_to_tell(outcome.fate, outcome.receipt);
            outcome.fate == Fate::ThreadDied && (outcome.silent == Some(true) || is_scopes)
        };
        let deaths = self.kept.range(..sequence).filter(|(_, kept)| is_untold(kept));
        let (mut children, mut of_unseen_start) = (Vec::new(), Vec::new());
        for (child, kept) in deaths {
            if self.threads.is_descendant(kept.thread, tid) {
                children.push(*child);
            } else if self.threads.line_of(kept.thread).next().is_none() {
                of_unseen_start.push(*child);
            }
        }
        match children[..] {
            // It may mean one of these, or a child of whose death too little is known.
            [] => of_unseen_start.into_iter().for_each(|child| self.apply(child, LifeEvent::ScopeAmbiguous)),
            [child] => {
                self.awaiting_scopes.retain(|awaiting| *awaiting != child);
                self.apply(child, LifeEvent::ScopeObserved);
                self.join_chain(sequence, child, Relation::Scope);
            }
            // Some of them may be ordinary threads that really died unseen: none is called silent any more.
            _ => children.into_iter().for_each(|child| self.apply(child, LifeEvent::ScopeAmbiguous)),
        }
    }

    /// A result that the thread holds was unwrapped; with several it shows when one is dropped.
    fn link_unwrap(&mut self, sequence: u64, tid: u32) {
        if let Some(&[held]) = self.hands.get(&tid).map(Vec::as_slice) {
            self.carry(sequence, held);
        }
    }

    /// A `JoinError` was shown, which reads the payload: the last one that this thread read.
    fn link_quote(&mut self, sequence: u64, tid: u32, quoted: &str) {
        let Some(&read) = self.last_read.get(&tid) else { return };
        let message = self.raise_of(read).and_then(|raise| raise.message.as_ref());
        if message.is_some_and(|message| quoted.starts_with(&format!("{message:?}"))) {
            self.carry(sequence, read);
        }
    }

    fn carry(&mut self, sequence: u64, earlier: u64) {
        self.apply(earlier, LifeEvent::Carried);
        self.join_chain(sequence, earlier, Relation::Unwrap);
    }

    /// Links to the only chain that qualifies; of several none is chosen.
    fn link_only(&mut self, sequence: u64, relation: Relation, qualifies: impl Fn(&Kept) -> bool) {
        let mut chains = self
            .kept
            .range(..sequence)
            .filter(|(_, kept)| kept.raise.is_some() && qualifies(kept))
            .map(|(_, kept)| kept.incident);
        let Some(chain) = chains.next() else { return };
        if chains.all(|other| other == chain) {
            self.join_chain(sequence, chain, relation);
        }
    }

    fn join_chain(&mut self, sequence: u64, earlier: u64, relation: Relation) {
        let incident = self.kept.get(&earlier).map_or(earlier, |kept| kept.incident);
        if let Some(kept) = self.kept.get_mut(&sequence) {
            (kept.incident, kept.relation) = (incident, Some(relation));
            self.touch(sequence);
        }
    }
}

/// Reads a message. `by_scope` tells whether `thread::scope` raised it; without names its text must do.
fn echo(message: &str, by_scope: Option<bool>) -> Echo<'_> {
    if message == "a scoped thread panicked" && by_scope != Some(false) {
        return Echo::Scope;
    }
    if message.ends_with("instance has previously been poisoned") {
        return Echo::Init;
    }
    if message.ends_with("PoisonError { .. }") || message.contains("PoisonError { ") {
        return Echo::Lock;
    }
    if message.ends_with(": Any { .. }") {
        return Echo::Any;
    }
    match message.split_once("JoinError::Panic(Id(") {
        Some((_, rest)) => Echo::JoinError { quoted: rest.split_once(", ").map_or("", |(_, quoted)| quoted) },
        None => Echo::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_std_and_tokio_are_recognised_and_lookalikes_are_not() {
        let unwrap = "called `Result::unwrap()` on an `Err` value: ";
        assert_eq!(echo("a scoped thread panicked", Some(true)), Echo::Scope);
        assert_eq!(echo("a scoped thread panicked", None), Echo::Scope);
        assert_eq!(echo("a scoped thread panicked", Some(false)), Echo::None);
        assert_eq!(echo(&format!("{unwrap}Any {{ .. }}"), None), Echo::Any);
        assert_eq!(echo("worker: Any { .. }", None), Echo::Any, "an `expect`");
        assert_eq!(echo(&format!("{unwrap}PoisonError {{ .. }}"), None), Echo::Lock);
        assert_eq!(echo("LazyLock instance has previously been poisoned", None), Echo::Init);
        let quoted = format!("{unwrap}JoinError::Panic(Id(7), \"no route\", ...)");
        assert_eq!(echo(&quoted, None), Echo::JoinError { quoted: "\"no route\", ...)" });
        for other in ["", "Any", "poisoned", "JoinError::Cancelled(Id(7))"] {
            assert_eq!(echo(other, None), Echo::None, "{other}");
        }
    }
}
