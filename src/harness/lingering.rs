//! What is said of tests when the process ends: who called `exit`, and which of their threads are still there.
//!
//! Runs on: the writer thread. Must not: hold up the end for longer than [`MOST`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::owner::{Owner, Shared};
use super::{Harness, Scene, frames};
use crate::record::finding::Finding;
use crate::record::{NamedFrame, Place, TestEvidence, TestRef};
use crate::symbolize::{Namer, program_place};
use crate::sys::own_file;

/// How long a thread that is about to end may take: a scope does not wait until its threads are gone, nor does the
/// drop of a pool.
const GRACE: Duration = Duration::from_millis(100);
/// How long it may take while it computes: std's hook prints a backtrace, for which it reads the debug information
/// of the program.
const MOST: Duration = Duration::from_secs(2);

/// Since when the end is held up, and when a thread that is left was last seen to compute.
#[derive(Debug, Default)]
pub(crate) struct Lingering(Option<(Instant, Instant)>);

impl Lingering {
    /// Whether to go on; `computes`: a thread that is left computes just now.
    fn goes_on(&mut self, now: Instant, computes: bool) -> bool {
        let (began, computed) = self.0.get_or_insert((now, now));
        if computes {
            *computed = now;
        }
        now.duration_since(*computed) < GRACE && now.duration_since(*began) < MOST
    }
}

/// A thread that is still there although its test is over.
struct Left {
    test: String,
    /// The stack that started it.
    ips: Box<[u64]>,
    computes: bool,
    has_begun: bool,
}

impl Harness {
    /// Whether `exit` was called on behalf of a test.
    pub(crate) fn exited(&mut self, scene: &Scene, namer: &mut dyn Namer) -> Option<Finding> {
        let test = self.test_of(scene, namer);
        let in_test = match (test.via, scene.tid == self.threads.main) {
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
            exit.is_none_or(|tid| tid == self.threads.main) && (self.threads.all_finished() || hook_dropped);
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

    /// Whether the end of the process, which began at that time, waits yet for threads whose tests are over: they may
    /// be about to end, or to panic.
    pub(crate) fn lingers(&mut self, end_ns: u64, namer: &mut dyn Namer) -> bool {
        let left = self.left(end_ns, &[], namer);
        let computes = left.iter().any(|left| left.computes);
        !left.is_empty() && self.lingering.goes_on(Instant::now(), computes)
    }

    /// Threads of ended tests that are still there; those that are `unwinding` are spoken of by their panics.
    pub(crate) fn alive_at_end(
        &mut self,
        end_ns: u64,
        unwinding: &[u32],
        namer: &mut dyn Namer,
    ) -> Vec<Finding> {
        let mut found: BTreeMap<(String, String), (u32, Place)> = BTreeMap::new();
        for left in self.left(end_ns, unwinding, namer).into_iter().filter(|left| left.has_begun) {
            let place = program_place(&namer.name(&left.ips));
            let key = (left.test, format!("{:?} {:?} {:?}", place.file, place.line, place.function));
            found.entry(key).or_insert((0, place)).0 += 1;
        }
        let finding = |((name, _), (count, place)): ((String, String), (u32, Place))| {
            let ended = self.threads.has_ended(&name, end_ns);
            let test = TestRef { ended, ..TestRef::known(name, TestEvidence::Lineage) };
            Finding::thread_alive_at_end(test, count, place)
        };
        found.into_iter().map(finding).collect()
    }

    /// Each thread that is still there although its test is over.
    fn left(&mut self, end_ns: u64, unwinding: &[u32], namer: &mut dyn Namer) -> Vec<Left> {
        let mut found = Vec::new();
        for (number, tid, ips) in self.threads.alive() {
            if tid.is_some_and(|tid| unwinding.contains(&tid)) {
                continue;
            }
            let Ok(Owner::Test { name, shared: Shared::No }) = self.threads.owner(number, namer) else {
                continue;
            };
            if self.threads.has_ended(&name, end_ns) == Some(false) {
                continue;
            }
            let (thread_name, computes) = match tid.map(system_says) {
                Some(Some(said)) => said,
                // A thread that was cancelled or left by other means ends without an event.
                Some(None) => continue,
                // It waits for a processor.
                None => (String::new(), true),
            };
            // An agent that a test installs stays until the process is gone.
            if !is_of_an_agent(&thread_name) && !frames::is_on_demand(&namer.name(&ips)) {
                found.push(Left { test: name, ips, computes, has_begun: tid.is_some() });
            }
        }
        found
    }
}

/// Name of a thread as the system keeps it, and whether it has work for a processor or a disk; `None` when it is gone.
fn system_says(tid: u32) -> Option<(String, bool)> {
    let stat = own_file::read(format!("/proc/self/task/{tid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name stands in parentheses, and may have some itself; the state comes after it (proc(5)).
    let (front, back) = stat.rsplit_once(')')?;
    let (_, name) = front.split_once('(')?;
    Some((name.to_owned(), back.trim_start().starts_with(['R', 'D'])))
}

/// Whether a thread is the agent's own, by its name as the system keeps it.
fn is_of_an_agent(name: &str) -> bool {
    name == "panic-agent" || name.starts_with("panic-agent-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_waits_a_moment_for_threads_that_sleep_and_longer_for_those_that_compute() {
        let start = Instant::now();
        let held = |computes: &dyn Fn(u32) -> bool| {
            let mut lingering = Lingering::default();
            (0..)
                .take_while(|ms| {
                    lingering.goes_on(start + Duration::from_millis((*ms).into()), computes(*ms))
                })
                .count()
        };
        assert_eq!(held(&|_| false), 100);
        assert_eq!(held(&|ms| ms < 500), 599);
        assert_eq!(held(&|ms| ms % 50 == 0), 2000);
        assert_eq!(held(&|_| true), 2000);
    }

    // Elsewhere there is no proc(5), and no harness whose threads are watched.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_says_whether_a_thread_computes() {
        use std::sync::mpsc;

        let (told, tid) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("a ) R (b".to_owned()).spawn(move || {
            told.send(crate::sys::thread::tid()).unwrap();
            while stopped.try_recv().is_err() {}
            stopped.recv().ok();
        });
        let tid = tid.recv().unwrap();
        assert_eq!(system_says(tid), Some(("a ) R (b".to_owned(), true)));
        stop.send(()).unwrap();
        // It waits now, for what never comes.
        while system_says(tid).unwrap().1 {
            std::thread::yield_now();
        }
        drop(stop);
        thread.unwrap().join().unwrap();
        assert_eq!(system_says(0), None);
    }
}
