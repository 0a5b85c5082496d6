//! Which test a panic belongs to.
//!
//! Runs on: the writer thread. Must not: name a test without evidence.

use super::owner::{Owner, Shared, reason};
use super::{Harness, frames};
use crate::record::{NamedFrame, RawRecord, TestEvidence, TestRef, WalkEnd};
use crate::symbolize::Namer;
use crate::sys::own_file;

/// Panics without a test that are looked at once more at the end.
const OPEN: usize = 4096;
/// Bytes of a thread's name that the system keeps; a name of this length may be cut.
const OS_NAME: usize = 15;

/// A stack of a thread at a time: of a panic, or of a call of `exit`.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// OS id of the thread.
    pub(crate) tid: u32,
    /// Nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    /// Name of the thread; `None` when it has none, or not all of it is known.
    pub(crate) thread_name: Option<String>,
    /// What the system keeps of a name that may be longer.
    pub(crate) cut_name: Option<String>,
    /// The stack, innermost first.
    pub(crate) ips: Box<[u64]>,
    /// Whether that is all of it, down to its bottom.
    pub(crate) whole: bool,
}

impl Scene {
    /// Of a panic.
    pub(crate) fn of(record: &RawRecord) -> Self {
        let walk = &record.walk;
        let bottom = WalkEnd::from_u8(walk.end).is_end_of_stack();
        let name = record.thread_name.as_str();
        let name = (!name.is_empty() && !record.thread_name.is_truncated()).then(|| name.to_owned());
        // Where std's start of the thread does not stand on the stack, the system was asked.
        let is_cut = |name: &String| name.len() == OS_NAME && walk.at_thread_start == 0;
        Self {
            tid: record.tid,
            mono_ns: record.mono_ns,
            thread_name: name.clone().filter(|name| !is_cut(name)),
            cut_name: name.filter(is_cut),
            ips: walk.ips().into(),
            whole: bottom && walk.len == walk.walked,
        }
    }
}

impl Harness {
    /// The test that a panic belongs to. What is not known now is looked at once more by [`Harness::reopen`].
    pub(crate) fn test_of_panic(&mut self, sequence: u64, scene: Scene, namer: &mut dyn Namer) -> TestRef {
        let test = self.test_of(&scene, namer);
        if test.name.is_none() {
            if self.open.len() == OPEN {
                self.open.pop_front();
            }
            self.open.push_back((sequence, scene));
        }
        test
    }

    /// Panics whose test became known since, by what was heard meanwhile.
    pub(crate) fn reopen(&mut self, namer: &mut dyn Namer) -> Vec<(u64, TestRef)> {
        let open = std::mem::take(&mut self.open);
        let again = open.into_iter().map(|(sequence, scene)| (sequence, self.test_of(&scene, namer)));
        again.filter(|(_, test)| test.name.is_some()).collect()
    }

    /// The payload of a panic is thrown once more: what that says of the test that was found first.
    pub(crate) fn rethrown(
        &mut self,
        found: &TestRef,
        scene: &Scene,
        namer: &mut dyn Namer,
    ) -> Option<TestRef> {
        if matches!(found.via, TestEvidence::Stack | TestEvidence::Frame) {
            return None;
        }
        let here = self.test_of(scene, namer);
        let name = here.name.filter(|_| here.via == TestEvidence::Stack)?;
        // Who started the thread stays known, and is worth saying when it is somebody else.
        let first = found.first_owner.clone().or_else(|| found.name.clone());
        Some(TestRef {
            first_owner: first.filter(|first| found.shared || *first != name),
            ended: Some(false),
            shared: found.shared,
            ..TestRef::known(name, TestEvidence::Rethrow)
        })
    }

    /// The test that this belongs to.
    pub(crate) fn test_of(&mut self, scene: &Scene, namer: &mut dyn Namer) -> TestRef {
        let stack = namer.name(&scene.ips);
        let number = self.threads.number(scene.tid, scene.mono_ns);
        let is_main = scene.tid == self.threads.main;
        if let Some(at) = frames::harness_at(&stack) {
            return self.by_stack(scene, &stack, at, number);
        }
        if let Some(name) = scene.thread_name.as_deref().filter(|_| number != 0) {
            self.threads.named(number, name);
        }
        let owner = if is_main {
            Err(reason::no_test_on(&stack))
        } else if self.watches_threads {
            self.threads.owner(number, namer)
        } else {
            Err(reason::NO_PROBES)
        };
        let owner = match (owner, &scene.cut_name) {
            (Ok(Owner::Harness(None)), Some(cut)) => {
                Ok(Owner::Harness(self.threads.only_test_like(cut).map(str::to_owned)))
            }
            (owner, _) => owner,
        };
        let (owner, why) = match owner {
            Ok(Owner::Harness(Some(name))) => {
                self.threads.seen(&name, None, number);
                // The walk of a deep stack does not reach the harness; a whole one that does not go through it, such
                // as that of a thread-local's destructor, is the thread's all the same.
                let via = if scene.whole { TestEvidence::Lineage } else { TestEvidence::Stack };
                return TestRef { ended: Some(false), ..TestRef::known(name, via) };
            }
            Ok(Owner::Harness(None)) => (None, reason::NAME_CUT),
            Ok(Owner::Test { name, shared: Shared::Unnamed }) => {
                (Some((name, Shared::Unnamed)), reason::NO_SYMBOLS)
            }
            Ok(Owner::Test { name, shared }) => (Some((name, shared)), reason::SHARED_THREAD),
            Err(why) => (None, why),
        };
        self.threads.learn_names(namer, &os_name);
        let by_frame = stack.iter().flat_map(frames::functions).find(|path| self.threads.is_test(path));
        let shared = owner.as_ref().is_some_and(|(_, shared)| *shared == Shared::Yes);
        let first = owner.as_ref().map(|(name, _)| name.clone());
        if let Some(path) = by_frame {
            let name = path.name;
            return TestRef {
                ended: self.threads.has_ended(&name, scene.mono_ns),
                shared,
                first_owner: first.filter(|first| shared || *first != name),
                ..TestRef::known(name, TestEvidence::Frame)
            };
        }
        match owner {
            Some((name, Shared::No)) => TestRef {
                ended: self.threads.has_ended(&name, scene.mono_ns),
                ..TestRef::known(name, TestEvidence::Lineage)
            },
            _ => TestRef { shared, first_owner: first, ..TestRef::unknown(why) },
        }
    }

    /// The stack goes through the harness.
    fn by_stack(&mut self, scene: &Scene, stack: &[NamedFrame], at: usize, number: u64) -> TestRef {
        let path = frames::test_inside(stack, at);
        // libtest names the thread that it starts for a test as it prints the test.
        let of_thread = scene.thread_name.clone().filter(|_| scene.tid != self.threads.main);
        let name = match (of_thread, &path) {
            (Some(thread), Some(path)) if is_cut(&thread, &path.name) => path.name.clone(),
            (Some(thread), _) => thread,
            (None, Some(path)) => path.name.clone(),
            // At a call of `exit`, in a test that was inlined.
            (None, None) => match os_name(scene.tid).filter(|_| scene.tid != self.threads.main) {
                Some(name) => name,
                None => return TestRef::unknown(reason::NO_SYMBOLS),
            },
        };
        if number != 0 {
            self.threads.named(number, &name);
        }
        let krate = path.filter(|path| path.name == name).map(|path| path.krate);
        self.threads.seen(&name, krate.as_deref(), number);
        TestRef { ended: Some(false), ..TestRef::known(name, TestEvidence::Stack) }
    }
}

/// Whether a name is what the system keeps of a longer one.
fn is_cut(name: &str, whole: &str) -> bool {
    name.len() == OS_NAME && whole.len() > OS_NAME && whole.starts_with(name)
}

/// Name of a thread as the system knows it; `None` when it may be cut.
fn os_name(tid: u32) -> Option<String> {
    let name = String::from_utf8(own_file::read(format!("/proc/self/task/{tid}/comm")).ok()?).ok()?;
    let name = name.trim_end();
    (name.len() < OS_NAME).then(|| name.to_owned())
}

/// The crate that a test binary of cargo was made from: `my-crate-0123456789abcdef`.
pub(crate) fn crate_of_binary(stem: &str) -> Option<String> {
    let (name, hash) = stem.rsplit_once('-')?;
    let is_hash = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && !name.is_empty()).then(|| name.replace('-', "_"))
}
