//! Records, reports and a channel made by hand, for tests.
//!
//! Runs on: tests. Must not: be compiled into the library.

use std::sync::Arc;

use crate::channel::{Channel, Ticket};
use crate::config::{Options, Redactor};
use crate::record::{Inlining, *};
use crate::report::build::Builder;
use crate::report::prepared::Stacks;
use crate::report::{ProcessLabels, Service, Surroundings};
use crate::sink::{MemorySink, Sink};
use crate::symbolize::{Effort, Found, ImageAt, Images, Naming, Native, Resolve};
use crate::verdict::Strategy;
use crate::writer::{WriterConfig, WriterHandle, handle, worker};

/// A record as the hook would leave it: a panic on a worker thread, caught by `app::run`.
pub(crate) fn raw_record() -> Box<RawRecord> {
    let mut record = RawRecord::boxed();
    record.sequence = 1;
    record.wall_ns = 1_760_000_000_123_456_789;
    record.mono_ns = 77;
    record.std_thread_id = 7;
    record.pid = std::process::id();
    record.tid = 4242;
    record.line = 12;
    record.column = 5;
    record.images = 1;
    record.process_labels = 1;
    record.payload = PayloadKind::String as u8;
    record.detached = DetachState::Joinable as u8;
    record.thread_name.set("worker-7");
    record.file.set("src/main.rs");
    record.message.set("index out of bounds: the len is 3 but the index is 17");
    assert!(record.labels.push("task", "outer"));
    assert!(record.labels.push("task", "inner"));
    leave(&mut record, 1);
    set_walk(&mut record, FakeSymbols::NAMES.len() as u32, 5);
    record
}

/// This many breadcrumbs in a record, one nanosecond apart, numbered from the oldest.
pub(crate) fn leave(record: &mut RawRecord, crumbs: u64) {
    record.crumbs.clear();
    for number in (0..crumbs).rev() {
        let message = format!("step {number}");
        let (target, message) = (b"app".as_slice(), message.as_bytes());
        let mono_ns = record.mono_ns.saturating_sub(crumbs - number);
        assert!(record.crumbs.push(RawCrumb { mono_ns, level: 3, cut: false, target, message }));
    }
}

/// A walk over `len` addresses of [`FakeSymbols`] that is caught at `stopper`.
pub(crate) fn set_walk(record: &mut RawRecord, len: u32, stopper: u32) {
    let walk = &mut record.walk;
    walk.clear();
    walk.len = len;
    walk.walked = len;
    walk.stopper = stopper;
    walk.outermost_catch = len.saturating_sub(1);
    walk.search_start = 1;
    walk.stop_action = EhAction::Catch as u8;
    walk.end = WalkEnd::Bottom as u8;
    walk.source = WalkSource::Tables as u8;
    for (index, ip) in walk.ips.iter_mut().enumerate().take(len as usize) {
        *ip = FakeSymbols::BASE + index as u64 * 16;
    }
    walk.push_landing(FakeSymbols::BASE + u64::from(stopper) * 16);
}

/// The record of [`raw_record`] with such a walk.
pub(crate) fn walked(len: u32, stopper: u32) -> Box<RawRecord> {
    let mut record = raw_record();
    set_walk(&mut record, len, stopper);
    record
}

/// Names for the addresses of [`set_walk`].
pub(crate) struct FakeSymbols;

impl FakeSymbols {
    /// First address.
    pub(crate) const BASE: u64 = 0x5555_0000_1000;
    /// `name @ file:line`, innermost first.
    pub(crate) const NAMES: [&'static str; 8] = [
        "panic_agent::hook::on_panic @ /agent/src/hook/mod.rs:1",
        "std::panicking::panic_with_hook @ /rustc/ab/library/std/src/panicking.rs:833",
        "core::panicking::panic_fmt @ /rustc/ab/library/core/src/panicking.rs:80",
        "app::work @ /home/u/app/src/main.rs:12",
        "std::panicking::catch_unwind::do_call @ /rustc/ab/library/std/src/panicking.rs:581",
        "std::panicking::catch_unwind @ /rustc/ab/library/std/src/panicking.rs:544",
        "app::run @ /home/u/app/src/main.rs:40",
        "std::thread::lifecycle::spawn_unchecked::{{closure}} @ /rustc/ab/library/std/src/thread/lifecycle.rs:1",
    ];
}

/// A function of [`FakeSymbols`] without a name.
pub(crate) const NAMELESS: u64 = 1 << 20;

impl Resolve for FakeSymbols {
    fn resolve(&mut self, ip: u64, _: Option<&ImageAt>, found: &mut dyn FnMut(Found<'_>)) -> Inlining {
        let index = (ip.saturating_sub(Self::BASE) / 16) as usize;
        if index as u64 == NAMELESS {
            return Inlining::Unknown;
        }
        let text = Self::NAMES.get(index).copied().unwrap_or("app::deep @ /home/u/app/src/deep.rs:9");
        let (name, place) = text.split_once(" @ ").unwrap();
        let (file, line) = place.rsplit_once(':').unwrap();
        found(Found {
            function: Some(name.to_owned()),
            raw_name: None,
            file: Some(file.to_owned()),
            line: line.parse().ok(),
            column: Some(9),
        });
        Inlining::Known
    }
}

/// Lets every name be looked up.
pub(crate) fn always(_: Effort) -> Naming {
    Naming::Allowed
}

/// Generation of process labels that [`FakeSurroundings`] does not know.
pub(crate) const FORGOTTEN: u32 = 77;

/// One image, one set of process labels.
pub(crate) struct FakeSurroundings;

impl Images for FakeSurroundings {
    fn image_of(&mut self, ip: u64, _: Option<u32>) -> Option<ImageAt> {
        let image = Image {
            name: "app".to_owned(),
            path: Some("/home/u/app/target/release/app".to_owned()),
            build_id: Some("3fa1".to_owned()),
            bias: Some("0x555500000000".to_owned()),
        };
        Some(ImageAt { image: Arc::new(image), address: ip & 0xffff_ffff })
    }
}

impl Surroundings for FakeSurroundings {
    fn process_labels(&self, generation: Option<u32>) -> Option<ProcessLabels> {
        let labels = [("zone", "eu"), ("task", "none")];
        (generation != Some(FORGOTTEN))
            .then(|| Arc::new(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()))
    }

    fn panics(&self) -> u64 {
        3
    }

    fn probe_losses(&self) -> ProbeLosses {
        ProbeLosses { payloads_without_bytes: 2, ..ProbeLosses::default() }
    }
}

/// A builder over fake symbols.
pub(crate) fn builder(redactor: Option<Redactor>) -> Builder {
    let mut options = Options { service: Some("billing".to_owned()), ..Options::default() };
    options.version = Some("1.2.3".to_owned());
    options.environment = Some("test".to_owned());
    let stacks = Stacks::new(Box::new(FakeSymbols), Strategy::Unwind);
    Builder::new(Service::new(0xabc, &options), Box::new(FakeSurroundings), stacks, redactor)
}

/// The report of [`raw_record`].
pub(crate) fn report() -> Report {
    builder(None).report(&raw_record(), &mut always).0
}

/// A line for sinks that look at its text alone.
pub(crate) fn line_of_any_kind() -> Line {
    report().into()
}

/// What the options say when nobody sets any.
pub(crate) fn config(sinks: Vec<Box<dyn Sink>>) -> WriterConfig {
    WriterConfig::new(0xabc, Options::default(), sinks, Box::new(FakeSurroundings))
}

/// A worker over fake symbols that is driven by hand.
pub(crate) fn by_hand(inbox: &'static Channel, mut config: WriterConfig) -> (worker::Worker, WriterHandle) {
    let shared = Arc::new(handle::Shared::default());
    let handle = WriterHandle::new(shared.clone(), inbox);
    let abilities = config.abilities.clone();
    let redactor = config.options.redactor.take();
    let mut worker = crate::writer::worker(inbox, shared, config, Box::new(Native));
    worker.builder = builder(redactor);
    worker.start(abilities, Strategy::Unwind);
    (worker, handle)
}

/// A worker that is driven by hand, with the options that nobody sets; its inbox, and its only sink.
pub(crate) fn bench() -> (&'static Channel, MemorySink, worker::Worker, WriterHandle) {
    bench_with(|_| ())
}

/// The same with options that the test sets.
pub(crate) fn bench_with(
    set: impl FnOnce(&mut Options),
) -> (&'static Channel, MemorySink, worker::Worker, WriterHandle) {
    let (inbox, sink) = (Channel::leaked(), MemorySink::new());
    let mut config = config(vec![Box::new(sink.clone())]);
    set(&mut config.options);
    let (worker, handle) = by_hand(inbox, config);
    (inbox, sink, worker, handle)
}

/// Takes turns until there is nothing left to do.
pub(crate) fn work(worker: &mut worker::Worker) -> worker::Pause {
    loop {
        if let Some(pause) = worker.turn() {
            return pause;
        }
    }
}

/// The kinds of lines in a sink.
pub(crate) fn kinds(sink: &MemorySink) -> Vec<String> {
    let kind = |line: &String| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().map(str::to_owned)
    };
    sink.lines().iter().filter_map(kind).collect()
}

/// The record of [`raw_record`] under another number.
pub(crate) fn numbered(sequence: u64) -> Box<RawRecord> {
    let mut record = raw_record();
    record.sequence = sequence;
    record
}

impl Channel {
    /// One that lives as long as the process, like the real one.
    pub(crate) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self::new(64, 0, 0).unwrap()))
    }

    /// Publishes a record, as a hook does.
    pub(crate) fn publish(&self, record: Box<RawRecord>) -> Ticket {
        let mut slot = self.claim().unwrap();
        *slot.record() = *record;
        slot.publish()
    }
}
