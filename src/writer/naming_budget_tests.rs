//! The writer while its symbols are not ready, and while somebody waits for it. The clock is a number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::naming_budget::Budget;
use super::worker::{Pause, Worker};
use crate::record::{Inlining, *};
use crate::report::ProcessLabels;
use crate::sink::MemorySink;
use crate::symbolize::ready::{Readiness, Wanted};
use crate::symbolize::{Effort, Found, ImageAt, Images, Naming};
use crate::sys::clock;
use crate::testing::samples::*;
use crate::writer::*;

/// What a waiting thread gives the writer here.
const WHOLE: Duration = Duration::from_millis(2000);

/// Milliseconds since the start of a test.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn pass(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

struct Scene {
    worker: Worker,
    inbox: &'static Channel,
    sink: MemorySink,
    clock: Clock,
    start: Instant,
}

impl Scene {
    /// A writer whose symbols are not ready, with one report in its inbox.
    fn new() -> Self {
        let (inbox, sink, mut worker, _) = bench();
        let clock = Clock::default();
        let start = Instant::now();
        let now = clock.clone();
        worker.patience.started = start;
        worker.patience.clock =
            Box::new(move || start + Duration::from_millis(now.0.load(Ordering::Relaxed)));
        worker.patience.flush_deadline = WHOLE;
        worker.patience.symbols = Readiness::not_ready();
        inbox.publish(raw_record());
        Self { worker, inbox, sink, clock, start }
    }

    fn request(&self, ending: bool) {
        let now = (self.worker.patience.clock)();
        self.worker.shared.request(Some(Budget::new(now, WHOLE)), ending);
    }

    /// Works until there is nothing left; the next pause.
    fn work(&mut self) -> Pause {
        work(&mut self.worker)
    }

    /// The same with one more report.
    fn another(&mut self) -> Pause {
        self.inbox.publish(raw_record());
        self.work()
    }

    /// Works, and says whether a report waits for its names then.
    fn holds(&mut self) -> bool {
        matches!(self.work(), Pause::Hold(_))
    }

    /// What was written so far.
    fn written(&self) -> usize {
        self.sink.reports().len()
    }

    fn assert_written_without_names(&mut self) {
        assert!(matches!(self.work(), Pause::Park(_)));
        self.assert_has_no_names();
    }

    fn assert_has_no_names(&self) {
        let reports = self.sink.reports();
        let report = &reports[0];
        assert!(report.frames.iter().all(|frame| frame.function.is_none() && frame.address.is_some()));
        assert_eq!(report.images.len(), 1);
        assert_eq!(codes(report), ["symbols_not_ready"]);
        assert_eq!(report.stack.trimmed_inner, 1, "the walk's own idea of where the program begins");
    }
}

fn codes(report: &Report) -> Vec<&str> {
    report.soft_errors.iter().map(|error| error.code.as_str()).collect()
}

#[test]
fn reports_wait_for_their_names_until_these_are_ready() {
    let mut scene = Scene::new();
    scene.clock.pass(10_000);
    assert!(scene.holds());
    assert_eq!((scene.written(), scene.inbox.pending()), (0, 1));
    scene.worker.patience.symbols = Readiness::ready();
    assert!(matches!(scene.work(), Pause::Park(_)));
    assert_eq!(scene.sink.reports()[0].frames[0].function.as_deref(), Some("app::work"));
}

#[test]
fn somebody_who_waits_is_kept_for_half_of_his_time_and_then_gets_addresses() {
    for ending in [false, true] {
        let mut scene = Scene::new();
        scene.clock.pass(500);
        scene.request(ending);
        assert_eq!(scene.work(), Pause::Hold(WHOLE / 2));
        scene.clock.pass(999);
        assert_eq!(scene.work(), Pause::Hold(Duration::from_millis(1)));
        scene.clock.pass(1);
        scene.assert_written_without_names();
        // Whoever comes later waits for names again.
        assert!(matches!(scene.another(), Pause::Hold(_)));
    }
}

#[test]
fn the_first_of_many_who_wait_decides() {
    let mut scene = Scene::new();
    scene.request(true);
    scene.clock.pass(300);
    scene.request(false);
    assert_eq!(scene.work(), Pause::Hold(Duration::from_millis(700)));
}

#[test]
fn a_thread_about_to_abort_is_kept_for_half_of_the_flush_deadline() {
    let mut scene = Scene::new();
    drop(scene.inbox.try_receive());
    let (inbox, ticket) = (scene.inbox, scene.inbox.publish(raw_record()));
    let waits = thread::spawn(move || inbox.wait_written(ticket, Duration::from_secs(20)));
    while !inbox.is_waited_for() {
        thread::yield_now();
    }
    assert_eq!(scene.work(), Pause::Hold(WHOLE / 2));
    scene.clock.pass(600);
    assert_eq!(scene.work(), Pause::Hold(Duration::from_millis(400)));
    scene.clock.pass(400);
    scene.assert_written_without_names();
    assert!(waits.join().unwrap(), "and is let go when it is written");
}

#[test]
fn a_pool_that_fills_up_is_no_place_to_wait_in() {
    let mut scene = Scene::new();
    while !scene.inbox.is_filling_up() {
        scene.inbox.publish(raw_record());
    }
    // The first is written as it is; by then there is room for the others to wait in.
    assert!(scene.holds());
    assert_eq!((scene.written(), scene.inbox.make_room()), (1, true));
    scene.assert_has_no_names();
}

#[test]
fn nobody_waits_for_ever() {
    let mut scene = Scene::new();
    let Pause::Hold(longest) = scene.work() else { panic!("written at once") };
    scene.clock.pass(longest.as_millis() as u64);
    scene.assert_written_without_names();
}

#[test]
fn a_request_is_done_at_once_when_there_is_nothing_to_write() {
    let mut scene = Scene::new();
    drop(scene.inbox.try_receive());
    scene.request(false);
    assert!(matches!(scene.work(), Pause::Park(_)));
    assert_eq!(scene.worker.done, scene.worker.shared.requested());
}

#[test]
fn who_gave_up_waiting_is_in_no_hurry_but_the_end_of_the_process_is() {
    for (ending, expected) in [(false, false), (true, true)] {
        let mut scene = Scene::new();
        scene.request(ending);
        scene.clock.pass(2001);
        assert_eq!(matches!(scene.work(), Pause::Park(_)), expected);
    }
}

/// Takes half a second per name.
struct Slow(Clock);

impl Resolve for Slow {
    fn resolve(&mut self, ip: u64, at: Option<&ImageAt>, found: &mut dyn FnMut(Found<'_>)) -> Inlining {
        self.0.pass(500);
        FakeSymbols.resolve(ip, at, found)
    }
}

#[test]
fn names_are_looked_up_until_a_quarter_of_the_time_is_left() {
    let mut scene = Scene::new();
    scene.worker.patience.symbols = Readiness::ready();
    scene.worker.builder.stacks = Stacks::new(Box::new(Slow(scene.clock.clone())), Strategy::Unwind);
    scene.request(false);
    scene.work();
    // Three names; 1.5 s of the 2 s are over then.
    let elapsed = (scene.worker.patience.clock)() - scene.start;
    assert_eq!(elapsed, Duration::from_millis(1500));
    let reports = scene.sink.reports();
    assert_eq!(codes(&reports[0]), ["symbols_not_ready"]);
    assert_eq!(reports[0].frames.len(), 5, "every frame is there");
    // With time, the same stack gets its names: what was cut short is not remembered.
    scene.another();
    let reports = scene.sink.reports();
    assert!(reports[1].frames.iter().all(|frame| frame.function.is_some()));
    assert_eq!(codes(&reports[1]), [""; 0]);
    assert_ne!(reports[0].fingerprint, reports[1].fingerprint, "some names make no fingerprint");
}

#[test]
fn another_image_is_not_opened_when_that_may_take_too_long() {
    for (took, opened) in [(10, true), (200, false)] {
        let mut scene = Scene::new();
        scene.worker.patience.symbols = Readiness::after(Duration::from_millis(took));
        scene.worker.builder.surroundings = Box::new(TwoImages);
        let own = TwoImages.image_of(FakeSymbols::BASE, None);
        scene.worker.builder.stacks.symbolizer.was_opened(own);
        scene.request(false);
        scene.work();
        let report = &scene.sink.reports()[0];
        assert_eq!(report.frames[0].function.as_deref(), Some("app::work"), "its image is open");
        assert_eq!(report.frames[4].function.is_some(), opened);
        assert_eq!(codes(report), if opened { &[][..] } else { &["symbols_not_ready"] });
        // Without anybody who waits, it is opened.
        scene.another();
        let reports = scene.sink.reports();
        assert!(reports[1].frames[4].function.is_some());
        assert_eq!(reports[0].fingerprint, reports[1].fingerprint, "the system's frames do not count");
    }
}

#[test]
fn a_stack_without_names_is_prepared_once_until_names_can_be_had() {
    let mut builder = builder(None);
    let mut prepared = |naming: fn(Effort) -> Naming| builder.report(&raw_record(), &mut { naming }).1;
    let not_ready = prepared(|_| Naming::NotReady);
    assert!(Arc::ptr_eq(&not_ready, &prepared(|_| Naming::NotReady)));
    let known_only = |effort| match effort {
        Effort::Known => Naming::Allowed,
        Effort::FirstOfImage => Naming::Unopened,
    };
    let unopened = prepared(known_only);
    assert!(!Arc::ptr_eq(&not_ready, &unopened));
    assert!(Arc::ptr_eq(&unopened, &prepared(known_only)));
    let whole = prepared(|_| Naming::Allowed);
    assert!(!Arc::ptr_eq(&unopened, &whole));
    assert!(Arc::ptr_eq(&whole, &prepared(|_| Naming::OutOfTime)));
}

/// The last frame of the sample lies in a library of the system.
struct TwoImages;

impl Images for TwoImages {
    fn image_of(&mut self, ip: u64, generation: Option<u32>) -> Option<ImageAt> {
        let mut at = FakeSurroundings.image_of(ip, generation)?;
        if ip > FakeSymbols::BASE + 6 * 16 {
            let path = Some("/usr/lib/libc.so.6".to_owned());
            at.image = Arc::new(Image { path, ..(*at.image).clone() });
        }
        Some(at)
    }
}

impl Surroundings for TwoImages {
    fn process_labels(&self, generation: Option<u32>) -> Option<ProcessLabels> {
        FakeSurroundings.process_labels(generation)
    }
}

#[test]
fn a_report_somebody_waits_for_brings_its_own_time() {
    let mut scene = Scene::new();
    drop(scene.inbox.try_receive());
    scene.worker.patience.symbols = Readiness::ready();
    let mut record = raw_record();
    record.set_flag(RawFlag::Waiting);
    record.mono_ns = clock::mono_ns();
    assert!(scene.worker.patience.budget_of(&record).is_some());
    record.mono_ns -= 1_500_000_000;
    scene.inbox.publish(record);
    scene.assert_written_without_names();
}

/// Blocks in every look-up until the test ends.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Resolve for Stuck {
    fn resolve(&mut self, _: u64, _: Option<&ImageAt>, _: &mut dyn FnMut(Found<'_>)) -> Inlining {
        self.0.recv().ok();
        Inlining::Unknown
    }
}

#[test]
fn a_warm_up_that_never_ends_costs_names_and_no_reports() {
    let (inbox, sink, mut worker, handle) = bench();
    let (end, stuck) = std::sync::mpsc::channel();
    let wanted = vec![(FakeSymbols::BASE, None)];
    worker.patience.symbols = ready::read(Box::new(Stuck(stuck)), wanted, || inbox.wake(), || ());
    thread::spawn(move || worker.run());
    inbox.publish(raw_record());
    // The wait is real here, so it is short: half of it is spent on names that do not come.
    while !handle.flush(Duration::from_millis(200)) {}
    assert_eq!(codes(&sink.reports()[0]), ["symbols_not_ready"]);
    drop(end);
    while !handle.flush(Duration::from_secs(20)) {}
    inbox.publish(raw_record());
    while sink.reports().len() < 2 {
        handle.flush(Duration::from_secs(20));
    }
    assert!(sink.reports()[1].frames.iter().all(|frame| frame.function.is_some()));
}

/// What was asked of a reader.
type Asked = Arc<Mutex<Vec<(Arc<Readiness>, Vec<Wanted>)>>>;

/// A scene in which the test says when what was wanted is read.
fn by_command() -> (Scene, Asked) {
    let (mut scene, asked) = (Scene::new(), Asked::default());
    let asks = asked.clone();
    scene.worker.patience.symbols = Readiness::ready();
    scene.worker.patience.reader = Some(Box::new(move |wanted| {
        let readiness = Readiness::not_ready();
        asks.lock().push((readiness.clone(), wanted));
        readiness
    }));
    (scene, asked)
}

#[test]
fn nothing_is_read_before_a_report_asks_for_names_and_then_it_waits_for_them() {
    let (mut scene, asked) = by_command();
    drop(scene.inbox.try_receive());
    assert!(matches!(scene.work(), Pause::Park(None)), "nothing is to be done, also later");
    assert_eq!(asked.lock().len(), 0);
    scene.inbox.publish(raw_record());
    assert!(scene.holds());
    assert!(scene.holds(), "once is enough");
    assert_eq!((asked.lock().len(), scene.written()), (1, 0));
    let wanted: Vec<u64> = asked.lock()[0].1.iter().map(|(ip, _)| *ip).collect();
    assert!(wanted.contains(&FakeSymbols::BASE) && wanted.len() >= 8, "{wanted:x?}");
    asked.lock()[0].0.set(Duration::from_millis(3));
    scene.work();
    let reports = scene.sink.reports();
    assert_eq!(reports[0].frames[0].function.as_deref(), Some("app::work"));
    assert_eq!(codes(&reports[0]), [""; 0]);
    // The next one finds everything read.
    scene.another();
    assert_eq!((asked.lock().len(), scene.written()), (1, 2));
}

#[test]
fn the_images_of_the_system_are_read_after_those_of_the_program() {
    let (mut scene, asked) = by_command();
    scene.worker.builder.surroundings = Box::new(TwoImages);
    for round in 1..=2 {
        assert!(scene.holds());
        let asked = asked.lock();
        assert_eq!(asked.len(), round);
        let (readiness, wanted) = asked.last().unwrap();
        let is_system =
            |(_, at): &Wanted| at.as_ref().unwrap().image.path.as_deref() == Some("/usr/lib/libc.so.6");
        assert!(!wanted.is_empty() && wanted.iter().all(|wanted| is_system(wanted) == (round == 2)));
        readiness.set(Duration::from_millis(1));
    }
    scene.work();
    assert!(scene.sink.reports()[0].frames.iter().all(|frame| frame.function.is_some()));
}

#[test]
fn who_waits_for_a_report_is_kept_for_half_of_his_time_while_it_is_read() {
    let (mut scene, asked) = by_command();
    scene.request(true);
    assert_eq!(scene.work(), Pause::Hold(WHOLE / 2));
    assert_eq!(asked.lock().len(), 1);
    scene.clock.pass(1000);
    scene.assert_written_without_names();
}

#[test]
fn what_was_read_is_given_back_after_a_quiet_minute_and_read_again_for_another_stack() {
    for kept in [false, true] {
        let (mut scene, asked) = by_command();
        if kept {
            scene.worker.names.keep();
        }
        scene.work();
        asked.lock()[0].0.set(Duration::ZERO);
        let Pause::Park(next) = scene.work() else { panic!("it is written") };
        assert_eq!(next, if kept { None } else { Some(crate::writer::names::QUIET) });
        scene.clock.pass(crate::writer::names::QUIET.as_millis() as u64 - 1);
        assert!(
            matches!(scene.work(), Pause::Park(next) if next == (!kept).then_some(Duration::from_millis(1)))
        );
        scene.clock.pass(1);
        assert_eq!(scene.work(), Pause::Park(None), "no further look");
        // A stack whose names are known needs nothing.
        scene.another();
        assert_eq!((asked.lock().len(), scene.written()), (1, 2));
        scene.inbox.publish(walked(12, 5));
        scene.work();
        assert_eq!(asked.lock().len(), if kept { 1 } else { 2 });
    }
}

#[test]
fn a_request_is_done_when_also_those_are_written_that_wait_for_their_names_behind_others() {
    let (mut scene, asked) = by_command();
    scene.work();
    asked.lock()[0].0.set(Duration::ZERO);
    scene.work();
    scene.clock.pass(crate::writer::names::QUIET.as_millis() as u64);
    scene.work();
    // One whose names are known, and one for which something must be read again.
    scene.inbox.publish(raw_record());
    scene.inbox.publish(walked(12, 5));
    scene.request(false);
    let is_done = |scene: &Scene| scene.worker.done == scene.worker.shared.requested();
    assert_eq!(scene.work(), Pause::Hold(WHOLE / 2));
    assert_eq!((asked.lock().len(), scene.written(), is_done(&scene)), (2, 2, false));
    asked.lock()[1].0.set(Duration::ZERO);
    assert!(matches!(scene.work(), Pause::Park(_)));
    assert_eq!((scene.written(), is_done(&scene)), (3, true));
}

#[test]
fn a_program_that_asks_has_its_debug_information_read_at_once() {
    let (mut scene, asked) = by_command();
    drop(scene.inbox.try_receive());
    let handle = WriterHandle::new(scene.worker.shared.clone(), scene.inbox);
    assert!(!handle.warm_up(Duration::ZERO));
    scene.work();
    assert_eq!(asked.lock().len(), 1);
    assert!(!handle.warm_up(Duration::ZERO));
    asked.lock()[0].0.set(Duration::ZERO);
    scene.work();
    assert!(handle.warm_up(Duration::ZERO));
    scene.work();
    assert_eq!(asked.lock().len(), 1);
}
