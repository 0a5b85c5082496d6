//! What is said of tests when the process ends: who called `exit`, and which of their threads are still there.
//!
//! Runs on: the writer thread. Must not: hold up the end for longer than [`GRACE`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::threads::{Owner, Shared};
use super::{Harness, Scene, frames};
use crate::record::{Place, TestEvidence, TestRef};
use crate::verdict::{NamedFrame, place};
use crate::writer::finding::Finding;
use crate::writer::follow::Namer;

/// How long a thread that is about to end may take: a scope does not wait until its threads are gone, nor does the
/// drop of a pool.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

impl Harness {
    /// Whether `exit` was called on behalf of a test.
    pub(crate) fn exited(&mut self, scene: &Scene, namer: &mut dyn Namer) -> Option<Finding> {
        let test = self.test_of(scene, namer);
        let in_test = match (test.via, self.threads.is_main(scene.tid)) {
            // The end of libtest itself.
            (TestEvidence::Unknown, true) => false,
            // The main thread runs the harness; a function of a test on its stack is one that the harness calls.
            (via, true) => via == TestEvidence::Stack,
            // Whoever else calls `exit` cuts the harness short, also when it is not known for which test.
            (_, false) => true,
        };
        in_test.then(|| Finding::exit_in_test(test, scene.tid, &namer.name(&scene.ips)))
    }

    /// Whether names would tell something at the end that nothing else does. `exit`: the thread that ends the process;
    /// `hook_dropped`: the panic hook is gone, as after libtest's last word.
    pub(crate) fn wants_names_at_end(&self, exit: Option<u32>, hook_dropped: bool) -> bool {
        let normal =
            exit.is_none_or(|tid| self.threads.is_main(tid)) && (self.threads.all_finished() || hook_dropped);
        !normal || self.threads.has_alive()
    }

    /// The agent's hook was dropped, on this stack; whether that was libtest, which is done then. Without names it is
    /// taken for that, because it happens in every run.
    pub(crate) fn hook_dropped(&mut self, stack: &[NamedFrame]) -> bool {
        // A test that replaces the hook has the harness around it, or has no `test_main` on its own thread.
        let in_main = stack.iter().any(|frame| frame.path.starts_with("test::test_main"));
        let by_harness = in_main && frames::harness_at(stack).is_none();
        self.is_over |= by_harness || frames::lacks_names(stack);
        self.is_over
    }

    /// Whether a thread may still be counted by [`Harness::alive_at_end`].
    pub(crate) fn has_candidates(&mut self, end_ns: u64, unwinding: &[u32], namer: &mut dyn Namer) -> bool {
        !self.candidates(end_ns, unwinding, namer).is_empty()
    }

    /// Threads of ended tests that are still there; those that are `unwinding` are spoken of by their panics.
    pub(crate) fn alive_at_end(
        &mut self,
        end_ns: u64,
        unwinding: &[u32],
        namer: &mut dyn Namer,
    ) -> Vec<Finding> {
        let mut found: BTreeMap<(String, String), (u32, Place)> = BTreeMap::new();
        for (name, ips) in self.candidates(end_ns, unwinding, namer) {
            let place = place::program_place(&namer.name(&ips));
            let key = (name, format!("{:?} {:?} {:?}", place.file, place.line, place.function));
            found.entry(key).or_insert((0, place)).0 += 1;
        }
        let finding = |((name, _), (count, place)): ((String, String), (u32, Place))| {
            let ended = self.threads.has_ended(&name, end_ns);
            let test = TestRef { ended, ..TestRef::known(name, TestEvidence::Lineage) };
            Finding::thread_alive_at_end(test, count, place)
        };
        found.into_iter().map(finding).collect()
    }

    /// Test and spawn of each thread that is still there although its test is over.
    fn candidates(
        &mut self,
        end_ns: u64,
        unwinding: &[u32],
        namer: &mut dyn Namer,
    ) -> Vec<(String, Box<[u64]>)> {
        let mut found = Vec::new();
        for (number, tid, ips) in self.threads.alive() {
            if unwinding.contains(&tid) {
                continue;
            }
            let Ok(Owner::Test { name, shared: Shared::No }) = self.threads.owner(number, namer) else {
                continue;
            };
            let is_over = self.threads.has_ended(&name, end_ns) != Some(false);
            // A thread that was cancelled or left by other means ends without an event.
            let name_of_thread = std::fs::read_to_string(format!("/proc/self/task/{tid}/comm"));
            // An agent that a test installs stays until the process is gone.
            let is_left = name_of_thread.is_ok_and(|name| !is_of_an_agent(name.trim_end()));
            if is_over && is_left && !frames::is_on_demand(&namer.name(&ips)) {
                found.push((name, ips));
            }
        }
        found
    }
}

/// Whether a thread is the agent's own, by its name as the system keeps it.
fn is_of_an_agent(name: &str) -> bool {
    name == "panic-agent" || name.starts_with("panic-agent-")
}
