//! Follows panics of audited test harnesses: which test each belongs to, and what is said of tests besides.
//!
//! Runs on: the writer thread. Must not: do anything in a process that is not audited.

use super::follow::Follow;
use crate::harness::{Harness, Said, Scene};
use crate::hook;
use crate::record::finding::Finding;
use crate::record::{ExitPlace, NamedFrame, RawRecord, Report};
use crate::symbolize::Namer;
use crate::sys::clock;

impl Follow {
    /// The harness, if one is audited, with all that was seen of it so far.
    fn harness(&mut self) -> Option<&mut Harness> {
        if self.harness.is_some() {
            self.collect();
        }
        self.harness.as_deref_mut()
    }

    /// Says which test a panic belongs to.
    pub(crate) fn attribute(&mut self, record: &RawRecord, report: &mut Report, namer: &mut dyn Namer) {
        let Some(harness) = &mut self.harness else { return };
        let test = harness.test_of_panic(record.sequence, Scene::of(record), namer);
        report.test = Some(test);
        if let Some(about) = self.about.get_mut(&record.sequence) {
            about.test.clone_from(&report.test);
        }
    }

    /// The payload of a panic is thrown once more, on this stack.
    pub(crate) fn rethrown(&mut self, record: &RawRecord, namer: &mut dyn Namer) {
        if self.harness.is_none() {
            return;
        }
        self.collect();
        let Some(harness) = &mut self.harness else { return };
        let Some(about) = self.about.get_mut(&record.sequence) else { return };
        let better = about.test.as_ref().and_then(|found| harness.rethrown(found, &Scene::of(record), namer));
        if better.is_some() {
            about.test = better;
        }
    }

    /// What the harness printed since the last call.
    pub(crate) fn take_said(&mut self) -> Vec<Said> {
        self.harness.as_mut().map(|harness| std::mem::take(&mut harness.said)).unwrap_or_default()
    }

    /// The process ends: panics whose test became known only now, in order. Their last verdict line says it.
    pub(crate) fn tests_known_late(&mut self, namer: &mut dyn Namer) -> Vec<u64> {
        let Some(harness) = &mut self.harness else { return Vec::new() };
        let mut known = Vec::new();
        for (sequence, test) in harness.reopen(namer) {
            let Some(about) = self.about.get_mut(&sequence) else { continue };
            if about.test.as_ref().is_some_and(|before| before.name.is_none()) {
                about.test = Some(test);
                known.push(sequence);
            }
        }
        known
    }

    /// Whether names would tell something at the end of the process that nothing else does: so that the end of a run
    /// with nothing to say waits for none. `exit`: OS id of the thread that ends the process.
    pub(crate) fn wants_names_at_end(&mut self, exit: impl FnOnce() -> Option<u32>) -> bool {
        self.harness().is_some_and(|harness| harness.wants_names_at_end(exit(), hook::is_replaced()))
    }

    /// The agent's hook was dropped, on this stack. libtest does so when it is done, which is worth no finding.
    pub(crate) fn hook_replaced(&mut self, frames: &[NamedFrame]) -> Option<Finding> {
        let by_harness = self.harness.as_mut().is_some_and(|harness| harness.hook_dropped(frames));
        (!by_harness).then(|| Finding::hook_replaced(frames))
    }

    /// A panic called no hook of the agent's: the finding, or nothing yet, when libtest may be the reason.
    pub(crate) fn unhooked(&mut self, finding: Finding) -> Option<Finding> {
        match &mut self.harness {
            Some(harness) => {
                harness.unhooked.push(finding);
                None
            }
            None => Some(finding),
        }
    }

    /// Findings of the last function that wait, if it is `known` by now who dropped the hook.
    pub(crate) fn take_unhooked(&mut self, known: bool) -> Vec<Finding> {
        let Some(harness) = self.harness.as_mut().filter(|_| known) else { return Vec::new() };
        let findings = std::mem::take(&mut harness.unhooked);
        if harness.is_over { Vec::new() } else { findings }
    }

    /// Whether the end of the process waits yet, for what threads of tests may still come to. `exit_ns`: when it began.
    pub(crate) fn lingers(&mut self, exit_ns: Option<u64>, namer: &mut dyn Namer) -> bool {
        let end_ns = || exit_ns.unwrap_or_else(clock::mono_ns);
        self.harness().is_some_and(|harness| harness.lingers(end_ns(), namer))
    }

    /// The process ends by a call on this stack; what that says of tests.
    pub(crate) fn harness_ends(&mut self, exit: Option<&ExitPlace>, namer: &mut dyn Namer) -> Vec<Finding> {
        let end_ns = exit.map_or_else(clock::mono_ns, |exit| exit.mono_ns);
        let unwinding: Vec<u32> = self.lives.interrupted().into_iter().map(|(_, tid)| tid).collect();
        let Some(harness) = self.harness() else { return Vec::new() };
        let scene = exit.map(|exit| Scene {
            tid: exit.tid,
            mono_ns: exit.mono_ns,
            thread_name: None,
            cut_name: None,
            ips: calls_of_exit(&exit.ips, namer).into(),
            whole: true,
        });
        let mut findings: Vec<Finding> =
            scene.and_then(|scene| harness.exited(&scene, namer)).into_iter().collect();
        findings.extend(harness.alive_at_end(end_ns, &unwinding, namer));
        findings
    }
}

/// The stack from the call of `exit` on: further in there are only the C library, and the agent that it calls. Where the
/// agent was called past the C library, as on Windows, that stands at the bottom alone, and the whole stack counts.
fn calls_of_exit(ips: &[u64], namer: &mut dyn Namer) -> Vec<u64> {
    let in_c = ips.iter().position(|ip| namer.outside_of_c(&[*ip]).is_empty());
    let outside = namer.outside_of_c(ips.get(in_c.unwrap_or_default()..).unwrap_or_default());
    if outside.is_empty() { namer.outside_of_c(ips) } else { outside }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::NamedFrame;
    use crate::testing::fake_names::FakeNames;

    #[test]
    fn the_agent_that_the_c_library_calls_is_left_out_and_the_stack_of_a_call_past_it_is_kept() {
        let name = |_| NamedFrame::default();
        let mut names = FakeNames { newest: 0, name, catches: |_| true, is_c: |ip| ip >= 100 };
        let mut called = |ips: &[u64]| calls_of_exit(ips, &mut names);
        assert_eq!(called(&[1, 2, 100, 101, 3, 4, 102]), [3, 4]);
        assert_eq!(called(&[1, 2, 3, 4, 102, 103]), [1, 2, 3, 4]);
        assert_eq!(called(&[1, 2]), [1, 2]);
    }
}
