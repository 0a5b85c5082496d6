//! Spawns, ends and output made by hand, against the stacks of panics. One file: all cases share the bench.

use crate::harness::*;
use crate::probe::{Event, EventQueue, Stamp};
use crate::record::{Inlining, NamedFrame, TestEvidence, TestRef};
use crate::symbolize::Namer;
use crate::testing::fake_names::FakeNames;

/// Names by address.
const NAMES: [&str; 18] = [
    "",
    "test::__rust_begin_short_backtrace",
    "test::run_test",
    "std::sys::thread::unix::Thread::new::thread_start",
    "cases::tests::a",
    "cases::tests::a::{closure}",
    "cases::tests::b::{closure}",
    "cases::work",
    "std::thread::Builder::spawn_unchecked",
    "std::sys::sync::once::futex::Once::call",
    "rayon_core::registry::global_registry",
    "dep::tests::a",
    "std::process::exit",
    "test::test_main_static",
    "tokio::runtime::blocking::pool::Spawner::spawn_thread",
    "tokio::runtime::builder::Builder::build",
    "panic_agent::hook::Replaced::drop",
    "cases::tests::b",
];
const HARNESS: u64 = 1;
const RUN_TEST: u64 = 2;
const START: u64 = 3;
const A: u64 = 4;
const IN_A: u64 = 5;
const IN_B: u64 = 6;
const WORK: u64 = 7;
const SPAWN: u64 = 8;
const ONCE: u64 = 9;
const GLOBAL: u64 = 10;
const DEP_A: u64 = 11;
const EXIT: u64 = 12;
const MAIN: u64 = 13;
const POOL: u64 = 14;
const BUILDER: u64 = 15;
const HOOK: u64 = 16;
const B: u64 = 17;

fn names() -> FakeNames {
    let name = |ip| {
        let path = NAMES[ip as usize].to_owned();
        let function = (!path.is_empty()).then(|| path.clone());
        let in_app = Some(path.starts_with("cases::"));
        NamedFrame { in_app, function, path, inlining: Inlining::Known, ..NamedFrame::default() }
    };
    FakeNames { newest: 0, name, catches: |_| true, is_c: |_| false }
}

/// A harness and what it is told. Threads have an OS id beyond 2^30, which no thread of this test has.
struct Bench {
    notes: &'static HarnessNotes,
    events: EventQueue,
    harness: Harness,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        Self::watching(true)
    }

    /// libtest has started thread 1 for a test.
    fn with_test() -> Self {
        let mut bench = Self::new();
        bench.begins(1);
        bench
    }

    /// The test `a` runs on thread 1, and has started thread 2.
    fn with_child() -> Self {
        let mut bench = Self::with_test();
        bench.spawns(1, 2, &BY_A, "tests::a");
        bench
    }

    fn watching(threads: bool) -> Self {
        let notes = HarnessNotes::leaked();
        let mut harness = Harness::new(notes, threads);
        // The crate of this test is another.
        harness.threads = Threads::new(std::process::id());
        harness.threads.suppose_crate("cases".to_owned());
        Self { notes, events: EventQueue::new(64, None), harness, now: 100 }
    }

    fn event(&mut self, number: u64, event: Event) {
        self.now += 1;
        let claimed = self.events.claim().unwrap();
        claimed.entry.stamp = Stamp { mono_ns: self.now, thread: number, tid: tid(number) };
        claimed.entry.event = event;
        claimed.publish();
        let entry = self.events.try_receive().unwrap();
        self.harness.saw(&entry);
    }

    /// `parent` starts a thread with this stack; 0 is the main thread.
    fn spawns(&mut self, parent: u64, number: u64, ips: &[u64], name: &str) {
        self.notes.spawn(number, (parent, tid(parent)), ips, name);
        self.harness.collect();
        let event = Event::Started { parent, parent_tid: tid(parent), detached: false, handle: 0 };
        self.event(number, event);
    }

    /// libtest starts a thread for a test.
    fn begins(&mut self, number: u64) {
        self.spawns(0, number, &[SPAWN, RUN_TEST, MAIN], "main");
    }

    fn ends(&mut self, number: u64) {
        self.event(number, Event::Exited);
    }

    fn prints(&mut self, text: &str) {
        self.now += 1;
        self.notes.output(text, self.now);
        self.harness.collect();
    }

    fn scene(&self, number: u64, ips: &[u64], name: &str) -> Scene {
        Scene {
            tid: tid(number),
            mono_ns: self.now + 1,
            thread_name: (!name.is_empty()).then(|| name.to_owned()),
            cut_name: None,
            ips: ips.into(),
            whole: true,
        }
    }

    fn panics(&mut self, number: u64, ips: &[u64], name: &str) -> TestRef {
        let scene = self.scene(number, ips, name);
        self.harness.test_of_panic(number, scene, &mut names())
    }
}

fn tid(number: u64) -> u32 {
    // Above every id that Linux gives.
    if number == 0 { std::process::id() } else { (1 << 30) + number as u32 }
}

fn known(name: &str, via: TestEvidence, ended: Option<bool>) -> TestRef {
    TestRef { ended, ..TestRef::known(name, via) }
}

fn unknown(reason: &str) -> TestRef {
    TestRef::unknown(reason)
}

/// Of a thread that `a` started, and that serves others, too.
fn shared(test: TestRef) -> TestRef {
    TestRef { shared: true, first_owner: Some("tests::a".to_owned()), ..test }
}

/// What `a` spawns a thread with.
const BY_A: [u64; 5] = [SPAWN, A, HARNESS, RUN_TEST, START];

#[test]
fn the_stack_names_the_test_on_its_own_thread_and_on_main() {
    let mut bench = Bench::with_test();
    let stack = [WORK, A, HARNESS, RUN_TEST, START];
    assert_eq!(bench.panics(1, &stack, "tests::a"), known("tests::a", TestEvidence::Stack, Some(false)));
    assert_eq!(bench.panics(0, &stack, "main"), known("tests::a", TestEvidence::Stack, Some(false)));
    // What the thread is called stands for a function without a name.
    assert_eq!(
        bench.panics(1, &[0, HARNESS, START], "tests::x"),
        known("tests::x", TestEvidence::Stack, Some(false))
    );
    assert_eq!(bench.panics(0, &[0, HARNESS, START], "main"), unknown("no_symbols"));
    assert_eq!(bench.panics(0, &[MAIN], "main"), unknown("no_harness_frame"));
}

#[test]
fn a_thread_that_the_system_calls_by_half_a_name_has_that_of_the_function() {
    let mut bench = Bench::with_test();
    let cut_name = Some("tests::a_long_na".to_owned());
    let scene = Scene { cut_name, ..bench.scene(1, &[A, HARNESS, START], "") };
    let test = bench.harness.test_of(&scene, &mut names());
    assert_eq!(test.name.as_deref(), Some("tests::a"));
}

#[test]
fn children_and_theirs_belong_to_the_test_that_started_them() {
    let mut bench = Bench::with_child();
    bench.spawns(2, 3, &[SPAWN, WORK, START], "");
    assert_eq!(bench.panics(3, &[WORK, START], ""), known("tests::a", TestEvidence::Lineage, Some(false)));
    bench.ends(1);
    assert_eq!(bench.panics(3, &[WORK, START], ""), known("tests::a", TestEvidence::Lineage, Some(true)));
}

#[test]
fn what_is_not_seen_to_come_from_a_test_belongs_to_none() {
    let mut bench = Bench::with_test();
    bench.prints("running 1 test\n");
    // Started by main before the tests, by nobody who was seen, and with a stack that has no names.
    bench.spawns(0, 2, &[SPAWN, WORK, MAIN], "main");
    bench.spawns(0, 3, &[0, 0], "main");
    assert_eq!(bench.panics(2, &[WORK, START], "tests::a"), unknown("no_harness_frame"));
    assert_eq!(bench.panics(4, &[WORK, START], ""), unknown("thread_not_seen"));
    assert_eq!(bench.panics(3, &[0], ""), unknown("no_symbols"));
    let mut blind = Bench::watching(false);
    assert_eq!(blind.panics(4, &[WORK, START], ""), unknown("no_probes"));
}

#[test]
fn without_symbols_the_harness_itself_tells_which_threads_are_tests() {
    let mut bench = Bench::new();
    bench.spawns(0, 1, &[0, 0], "main");
    assert_eq!(bench.panics(1, &[0, 0], "tests::a"), unknown("no_symbols"));
    bench.spawns(1, 2, &[0, 0], "tests::a");
    assert_eq!(bench.panics(2, &[0], ""), unknown("no_symbols"));
    bench.prints("running 1 test\ntest tests::a ... FAILED\n");
    let late: Vec<_> =
        bench.harness.reopen(&mut names()).into_iter().map(|(of, test)| (of, test.name)).collect();
    assert_eq!(late, [(1, Some("tests::a".to_owned()))]);
    // Whether it is a pool of all the names would have told.
    let first_owner = Some("tests::a".to_owned());
    assert_eq!(bench.panics(2, &[0], ""), TestRef { first_owner, ..unknown("no_symbols") });
}

#[test]
fn a_pool_that_is_started_once_belongs_to_nobody_but_frames_tell_whose_work_it_does() {
    let mut bench = Bench::with_test();
    bench.begins(2);
    bench.spawns(1, 3, &[SPAWN, ONCE, GLOBAL, A, HARNESS, START], "tests::a");
    let pool = shared(unknown("shared_thread"));
    assert_eq!(bench.panics(3, &[WORK, START], ""), pool);
    // Nobody has heard of a test `b` yet: its name might be that of any function.
    assert_eq!(bench.panics(3, &[WORK, IN_B, START], ""), pool);
    bench.prints("running 2 tests\ntest tests::b ... ok\n");
    let by_frame = shared(known("tests::b", TestEvidence::Frame, Some(true)));
    assert_eq!(bench.panics(3, &[WORK, IN_B, START], ""), by_frame);
    let late = bench.harness.reopen(&mut names());
    assert_eq!(late.iter().map(|(_, test)| test.name.as_deref()).collect::<Vec<_>>(), [Some("tests::b")]);
    // A function of the same path in another crate is no test.
    assert_eq!(bench.panics(3, &[DEP_A, START], ""), pool);
    // Of two tests on a stack the inner one's work panics.
    let nested = bench.panics(3, &[WORK, IN_B, IN_A, START], "");
    assert_eq!(nested.name.as_deref(), Some("tests::b"));
    let own = bench.panics(3, &[WORK, IN_A, IN_B, START], "");
    assert_eq!((own.name.as_deref(), own.first_owner.as_deref()), (Some("tests::a"), Some("tests::a")));
}

#[test]
fn a_blocking_thread_is_the_tests_own_unless_there_is_a_runtime_for_all() {
    let on_demand = [SPAWN, POOL, A, HARNESS, START];
    let mut own = Bench::with_test();
    own.spawns(1, 2, &[SPAWN, POOL, BUILDER, A, HARNESS, START], "tests::a");
    own.spawns(1, 3, &on_demand, "tests::a");
    assert_eq!(own.panics(3, &[WORK, START], ""), known("tests::a", TestEvidence::Lineage, Some(false)));
    let mut shared = Bench::with_test();
    shared.spawns(1, 2, &[SPAWN, POOL, BUILDER, ONCE, A, HARNESS, START], "tests::a");
    shared.spawns(1, 3, &on_demand, "tests::a");
    assert_eq!(shared.panics(3, &[WORK, START], "").reason.as_deref(), Some("shared_thread"));
}

#[test]
fn a_rethrow_in_a_test_outdoes_who_started_the_thread_and_nothing_better() {
    let mut bench = Bench::with_test();
    bench.begins(2);
    bench.spawns(1, 3, &[SPAWN, ONCE, A, HARNESS, START], "tests::a");
    let found = bench.panics(3, &[WORK, START], "");
    let in_b = bench.scene(2, &[WORK, B, HARNESS, START], "tests::b");
    let better = bench.harness.rethrown(&found, &in_b, &mut names());
    assert_eq!(better, Some(shared(known("tests::b", TestEvidence::Rethrow, Some(false)))));
    let on_the_pool = bench.scene(3, &[WORK, START], "");
    assert_eq!(bench.harness.rethrown(&found, &on_the_pool, &mut names()), None);
    let by_frame = bench.panics(3, &[IN_A, START], "");
    assert_eq!(bench.harness.rethrown(&by_frame, &in_b, &mut names()), None);
}

#[test]
fn an_end_is_known_from_the_thread_or_from_the_harness_and_not_from_silence() {
    let mut bench = Bench::new();
    // The test runs on main, whose end says nothing.
    bench.spawns(0, 2, &BY_A, "main");
    let ended = |bench: &mut Bench| bench.panics(2, &[WORK, START], "").ended;
    assert_eq!(ended(&mut bench), None, "nobody speaks");
    bench.prints("running 1 test\ntest tests::a ... ");
    assert_eq!(ended(&mut bench), Some(false));
    bench.prints("ok\n");
    assert_eq!(ended(&mut bench), Some(true));
    let mut gaps = Bench::with_child();
    gaps.harness.events_lost();
    assert_eq!(ended(&mut gaps), None, "the end may be among what was lost");
    gaps.ends(1);
    assert_eq!(ended(&mut gaps), Some(true));
}

#[test]
fn an_exit_is_laid_at_the_door_of_its_test_and_the_end_of_the_harness_at_nobodys() {
    let mut bench = Bench::with_child();
    let mut exits = |number, ips: &[u64]| {
        let scene = bench.scene(number, ips, "");
        bench.harness.exited(&scene, &mut names()).map(|finding| finding.test.unwrap())
    };
    assert_eq!(exits(0, &[EXIT, MAIN]), None);
    assert_eq!(exits(0, &[0, 0]), None, "without names the end of the harness is the usual case");
    let on_main = exits(0, &[EXIT, A, HARNESS, MAIN]).unwrap();
    assert_eq!((on_main.name.as_deref(), on_main.via), (Some("tests::a"), TestEvidence::Stack));
    let child = exits(2, &[EXIT, WORK, START]).unwrap();
    assert_eq!((child.name.as_deref(), child.via), (Some("tests::a"), TestEvidence::Lineage));
    assert_eq!(exits(9, &[EXIT, WORK]).unwrap().reason.as_deref(), Some("thread_not_seen"));
}

#[test]
fn the_end_waits_for_names_only_when_they_would_say_something() {
    let main = Some(tid(0));
    let mut bench = Bench::new();
    assert!(bench.harness.wants_names_at_end(main, false), "who knows why it ends");
    assert!(!bench.harness.wants_names_at_end(main, true), "libtest is done, and prints what nobody reads");
    bench.begins(1);
    bench.prints("running 1 test\n");
    assert!(bench.harness.wants_names_at_end(main, false));
    bench.prints("test tests::a ... ok\n");
    assert!(!bench.harness.wants_names_at_end(main, false));
    assert!(bench.harness.wants_names_at_end(Some(tid(1)), false));
    bench.spawns(1, 2, &BY_A, "tests::a");
    assert!(bench.harness.wants_names_at_end(main, false), "a thread is left");
    bench.ends(2);
    assert!(!bench.harness.wants_names_at_end(main, false));
}

#[test]
fn libtest_may_drop_the_hook_and_nobody_else() {
    let dropped = |ips: &[u64]| Bench::new().harness.hook_dropped(&names().name(ips));
    assert!(dropped(&[HOOK, 0, MAIN]));
    assert!(!dropped(&[HOOK, WORK, A, HARNESS, RUN_TEST, MAIN]));
    assert!(!dropped(&[HOOK, HARNESS]));
    assert!(dropped(&[0, 0]), "it happens in every run");
}

#[test]
fn half_a_name_is_a_test_when_only_one_begins_so_and_all_are_known() {
    let mut bench = Bench::with_test();
    let scene = Scene { cut_name: Some("tests::a_long_n".to_owned()), ..bench.scene(1, &[WORK], "") };
    bench.prints("running 2 tests\ntest tests::a_long_name ... ok\n");
    assert_eq!(bench.harness.test_of(&scene, &mut names()), unknown("name_cut"));
    let mut two = Bench::with_test();
    two.prints("running 2 tests\ntest tests::a_long_name ... ok\ntest tests::a_long_noon ... ok\n");
    assert_eq!(two.harness.test_of(&scene, &mut names()), unknown("name_cut"));
    bench.prints("test tests::b ... ok\n");
    let test = bench.harness.test_of(&scene, &mut names());
    assert_eq!(test, known("tests::a_long_name", TestEvidence::Lineage, Some(false)));
}

#[test]
fn the_memory_is_bounded_and_a_recycled_id_is_another_thread() {
    let mut bench = Bench::new();
    for number in 1..20_000 {
        bench.spawns(0, number, &[SPAWN, WORK], "main");
        bench.ends(number);
    }
    assert!(bench.harness.threads.known.size() < 9_000);
    let mut bench = Bench::with_child();
    let early = bench.scene(2, &[WORK], "");
    bench.ends(2);
    bench.notes.spawn(3, (0, tid(0)), &[SPAWN, WORK], "main");
    bench.harness.collect();
    bench.now += 1;
    bench.harness.threads.known.began(3, tid(2), bench.now);
    assert_eq!(bench.panics(2, &[WORK], ""), unknown("no_harness_frame"));
    let test = bench.harness.test_of(&early, &mut names());
    assert_eq!(test.name.as_deref(), Some("tests::a"), "it was another thread then");
}
