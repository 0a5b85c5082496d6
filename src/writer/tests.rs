//! The writer as a whole: most tests take single turns of the loop, without a thread. One file: the loop is one thing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::worker::Pause;
use super::*;
use crate::config::{Filter, RedactField, Redactor};
use crate::record::{Inlining, *};
use crate::sink::MemorySink;
use crate::symbolize::ImageAt;
use crate::testing::samples::*;

const LONG: Duration = Duration::from_secs(20);

/// The line is what plain serde writes.
fn assert_plain(line: &LineBuffer, report: &Report) {
    let text = core::str::from_utf8(line.bytes()).unwrap();
    assert_eq!(text.strip_suffix('\n'), Some(serde_json::to_string(report).unwrap().as_str()));
}

#[test]
fn one_record_becomes_one_full_report() {
    let (inbox, sink, mut worker, handle) = bench();
    inbox.publish(raw_record());
    work(&mut worker);
    let reports = sink.reports();
    let report = &reports[0];
    assert_eq!(report.head.id.to_string(), "0000000000000abc-1");
    assert_eq!(report.head.ts, "2025-10-09T08:53:20.123456789Z");
    assert_eq!((report.fate, report.head.level, report.basis), (Fate::Caught, Level::Warn, Basis::Predicted));
    assert_eq!((report.uncaught, report.receipt, report.silent), (Some(false), Receipt::Pending, None));
    assert_eq!(report.labels["task"], "inner", "the innermost scope wins");
    assert_eq!(report.labels["zone"], "eu");
    let handler = report.prediction.handler.as_ref().unwrap();
    assert_eq!((handler.function.as_deref(), handler.line), (Some("app::run"), Some(40)));
    assert_eq!(report.frames[0].function.as_deref(), Some("app::work"));
    assert_eq!((report.stack.trimmed_inner, report.prediction.frame), (3, Some(2)));
    assert_eq!(report.images.len(), 1);
    assert_eq!(report.incident, report.head.id);
    assert!(report.soft_errors.is_empty(), "{:?}", report.soft_errors);
    assert_eq!(handle.shared.written(), 1);
    assert!(sink.flushes() >= 2, "the process line and the report");
}

#[test]
fn the_spliced_line_is_what_plain_serde_writes() {
    let mut builder = builder(None);
    let mut line = LineBuffer::new();
    for frames in [1, 4, 8, 60] {
        let record = walked(frames, 0);
        let (mut report, prepared) = builder.report(&record, &mut always);
        line.write(&mut report, &prepared, 1 << 20).unwrap();
        assert_plain(&line, &report);
        assert_eq!(serde_json::from_slice::<Report>(line.bytes()).unwrap(), report);
    }
}

#[test]
fn a_line_that_names_its_stack_comes_back_as_the_whole_one() {
    let mut builder = builder(None);
    let mut line = LineBuffer::with(crate::sink::Stacks::Once);
    let (mut file, mut reports) = (Vec::new(), Vec::new());
    let mut shown = std::collections::HashSet::new();
    for (sequence, frames) in [8, 8, 60, 8, 60, 60].into_iter().enumerate() {
        let mut record = walked(frames, 0);
        record.sequence = sequence as u64;
        let (mut report, prepared) = builder.report(&record, &mut always);
        line.write(&mut report, &prepared, 1 << 20).unwrap();
        assert_plain(&line, &report);
        let value = crate::Line::from(report.clone());
        let short = line.encoded(&value).short.unwrap();
        assert!(short.with_newline.len() * 2 < line.bytes().len());
        file.extend_from_slice(match shown.insert(short.stack_id) {
            true => line.bytes(),
            false => short.with_newline,
        });
        reports.push(value);
    }
    assert_eq!(shown.len(), 2);
    let read: Vec<_> = crate::record::LineReader::new(&file[..]).map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|line| line.len + 1).sum::<u64>(), file.len() as u64);
    for (read, report) in read.into_iter().zip(reports) {
        assert_eq!(read.content, crate::record::LineContent::Line(report));
    }
}

#[test]
fn a_line_that_shows_what_no_other_does_names_no_stack() {
    let mut builder = builder(None);
    let mut line = LineBuffer::with(crate::sink::Stacks::Once);
    let record = walked(60, 0);
    let own = SoftError::new("labels", "truncated", "of this panic alone");
    for (max, soft_error, named) in [(1 << 20, None, true), (1 << 20, Some(own), false), (6000, None, false)]
    {
        let (mut report, prepared) = builder.report(&record, &mut always);
        report.soft_errors.extend(soft_error);
        line.write(&mut report, &prepared, max).unwrap();
        assert_plain(&line, &report);
        assert_eq!(report.stack_id.is_some(), named);
        assert_eq!(line.encoded(&report.into()).short.is_some(), named);
    }
}

#[test]
fn lines_of_other_stacks_and_lengths_in_between_change_nothing() {
    let mut builder = builder(None);
    let mut line = LineBuffer::new();
    // Scalars that grow, shrink, and exceed the room for them; stacks in turns; a line that is cut in between; and
    // everything set that a verdict can set.
    let messages = ["short", "with \"quotes\" and\nnewlines", &"x".repeat(1500), ""];
    let value = "v".repeat(400);
    for round in 0..40_u32 {
        let mut record = walked([8, 8, 5, 8][round as usize % 4], 5);
        leave(&mut record, u64::from(round % 9));
        record.sequence = u64::from(round).pow(4);
        record.message.set(messages[round as usize / 3 % messages.len()]);
        let (mut report, prepared) = builder.report(&record, &mut always);
        for key in 0..round % 20 {
            report.labels.insert(format!("key \\ {key}"), value.clone());
        }
        if round % 2 == 1 {
            report.landing.clone_from(&report.prediction.handler);
            report.received_at = Some(Place { line: Some(round), ..Place::default() });
            report.relation = Some("unwrap".to_owned());
            report.lineage = Arc::new([Ancestor { os_id: 7, name: None, spawned_at: None }]);
            report.silent = Some(true);
        }
        if round % 5 == 4 {
            report.soft_errors.push(SoftError::new("labels", "truncated", "of this panic alone"));
        }
        let max = if round % 7 == 6 { 3000 + value.len() * 20 } else { 1 << 20 };
        line.write(&mut report, &prepared, max).unwrap();
        assert_plain(&line, &report);
    }
}

#[test]
fn a_line_never_exceeds_its_maximum_and_says_what_was_cut() {
    let mut builder = builder(None);
    let mut line = LineBuffer::new();
    let mut record = walked(150, 5);
    leave(&mut record, 16);
    record.message.set(&"zeile ä ".repeat(250));
    let mut least = usize::MAX;
    for max in (700..40_000).step_by(61) {
        let (mut report, prepared) = builder.report(&record, &mut always);
        if line.write(&mut report, &prepared, max).is_err() {
            assert!(max < 2500, "{max}");
            continue;
        }
        least = least.min(max);
        let text = core::str::from_utf8(line.bytes()).unwrap();
        assert!(text.len() <= max, "{} > {max}", text.len());
        assert_eq!(text.trim_end(), serde_json::to_string(&report).unwrap());
        let cut = report.stack.cut_for_size as usize;
        assert_eq!(report.frames.len() + cut, prepared.frames.len());
        let cuts = report.soft_errors.iter().filter(|error| error.code == "cut_for_size");
        let said = |field: &str| cuts.clone().filter(|error| error.field == field).count();
        assert_eq!(said("frames"), usize::from(cut > 0));
        let left = report.breadcrumbs.len();
        assert_eq!(said("breadcrumbs"), usize::from(left < 16));
        assert!(cut == 0 || left == 0, "breadcrumbs go first");
        assert!(
            report.breadcrumbs.last().is_none_or(|newest| newest.message == "step 15"),
            "the oldest of them"
        );
        let message = report.message.as_deref().unwrap();
        assert_eq!(said("message"), usize::from(message.len() < record.message.as_str().len()));
        assert!(said("message") == 0 || report.frames.len() <= 50, "frames go first");
    }
    assert!(least < 2500);
}

#[test]
fn lines_come_in_order_process_panics_losses_end() {
    let (inbox, sink, mut worker, handle) = bench();
    inbox.publish(raw_record());
    inbox.losses.record(LossReason::PoolFull);
    assert!(!handle.finish(Duration::ZERO), "nobody works yet");
    work(&mut worker);
    handle.finish(Duration::ZERO);
    work(&mut worker);
    let expected = ["process", "panic", "verdict", "losses", "end"];
    assert_eq!(kinds(&sink), expected, "one end line, however often it is asked for");
    let end: EndLine = serde_json::from_str(&sink.lines_of(LineKind::End)[0]).unwrap();
    // The surroundings count three: one more than was received.
    assert_eq!((end.panics, end.written, end.losses.pool_full), (3, 1, 1));
}

#[test]
fn a_report_after_the_end_is_written_when_the_ending_thread_waits_or_the_process_lives_on() {
    let (inbox, sink, mut worker, handle) = bench();
    handle.finish(Duration::ZERO);
    work(&mut worker);
    let lines = sink.lines().len();
    let publish = |tid: u32, number| {
        let mut record = numbered(number);
        record.tid = tid;
        inbox.publish(record);
    };
    publish(7, 1);
    assert!(matches!(worker.turn(), Some(Pause::Hold(_))), "the process may be gone at any time");
    assert_eq!(sink.lines().len(), lines);
    publish(8, 2);
    publish(7, 3);
    inbox.ender_waits(8);
    work(&mut worker);
    assert_eq!(
        (sink.reports().len(), inbox.pending()),
        (2, 1),
        "what stands before that report, and no more"
    );
    worker.patience.flush_deadline = Duration::ZERO;
    work(&mut worker);
    assert_eq!((sink.reports().len(), inbox.pending()), (3, 0), "nobody waits any longer");
    let ends: Vec<EndLine> =
        sink.lines_of(LineKind::End).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ends.iter().map(|end| end.written).collect::<Vec<_>>(), [0, 2, 3]);
}

#[test]
fn a_panic_that_was_counted_and_never_received_shows_in_the_totals() {
    let lost = Losses { pool_full: 2, sink_failed: 1, ..Losses::default() };
    for (received, counted, why) in [
        (5, 7, "five received, of which one was refused by the sink, and two without a slot"),
        (5, 6, "a hook that is not through yet"),
        (4, 7, "4 + 2 are known: one is missing"),
    ] {
        let mut ending = ending::Ending::default();
        ending.received = received;
        assert_eq!(ending.panics(counted, &lost), 7, "{why}");
    }
}

#[test]
fn losses_are_said_at_most_once_a_second_and_at_the_end() {
    let (inbox, sink, mut worker, handle) = bench();
    for _ in 0..5 {
        inbox.losses.record(LossReason::Reentered);
        let Some(Pause::Park(sleep)) = worker.turn() else { panic!("nothing to do") };
        let said = sink.lines_of(LineKind::Losses).len();
        assert_eq!(said, 1);
        assert!(sleep.is_none_or(|sleep| !sleep.is_zero() && sleep <= Duration::from_secs(1)));
    }
    assert!(matches!(worker.turn(), Some(Pause::Park(Some(_)))), "wakes up to say the rest");
    handle.finish(Duration::ZERO);
    worker.turn();
    let lines = sink.lines_of(LineKind::Losses);
    let last: LossesLine = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!((lines.len(), last.losses.reentered), (2, 5));
}

/// Fails, panics or takes, as told by a number.
struct Moody(Arc<AtomicU64>, MemorySink);

impl Sink for Moody {
    fn write(&mut self, line: &EncodedLine<'_>) -> std::io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            0 => self.1.write(line),
            1 => Err(std::io::ErrorKind::StorageFull.into()),
            _ => std::panic::resume_unwind(Box::new(PanicsOnDrop)),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("dropped"));
    }
}

#[test]
fn a_sink_that_fails_or_panics_is_counted_and_used_again_and_others_get_their_line() {
    let (inbox, sink, moody_sink) = (Channel::leaked(), MemorySink::new(), MemorySink::new());
    let mood = Arc::new(AtomicU64::new(0));
    let moody = Moody(mood.clone(), moody_sink.clone());
    let (mut worker, handle) = by_hand(inbox, config(vec![Box::new(moody), Box::new(sink.clone())]));
    for (sequence, value) in [(1, 1), (2, 2), (3, 0)] {
        mood.store(value, Ordering::Relaxed);
        inbox.publish(numbered(sequence));
        work(&mut worker);
    }
    let totals = inbox.losses.totals();
    // Every flush with a report fails too: three more.
    assert_eq!((totals.sink_failed, totals.sink_panicked), (1 + 3, 1));
    assert_eq!(handle.shared.written(), 1);
    assert_eq!(sink.reports().len(), 3);
    assert_eq!(moody_sink.reports().len(), 1);
    // Lines about the process do not count, so failing flushes cannot feed themselves.
    for _ in 0..10 {
        worker.turn();
    }
    assert_eq!(inbox.losses.totals(), totals);
}

#[test]
fn a_filter_decides_and_its_panic_lets_the_report_through() {
    let filter: Filter = Box::new(|report| match report.head.id.sequence() {
        1 => true,
        2 => false,
        _ => std::panic::resume_unwind(Box::new("filter")),
    });
    let (inbox, sink, mut worker, handle) = bench_with(|options| options.before_write = Some(filter));
    for sequence in 1..=3 {
        inbox.publish(numbered(sequence));
    }
    work(&mut worker);
    let reports = sink.reports();
    assert_eq!(reports.iter().map(|report| report.head.id.sequence()).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(reports[1].soft_errors[0].code, "filter_failed");
    assert_eq!((handle.shared.written(), inbox.losses.totals().filtered), (2, 1));
}

#[test]
fn a_redactor_sees_every_text_and_its_panic_leaks_none() {
    let secret = "hunter2";
    let redactor: Redactor = Box::new(move |field, text| match field {
        RedactField::Message | RedactField::ThreadName => std::panic::resume_unwind(Box::new("redactor")),
        _ => text.contains("home/u").then(|| text.replace("home/u", "~")),
    });
    let (inbox, sink, mut worker, _) = bench_with(|options| options.redactor = Some(redactor));
    let mut record = raw_record();
    record.message.set(secret);
    record.thread_name.set(secret);
    let (target, message) = (b"home/u".as_slice(), b"in home/u".as_slice());
    assert!(record.crumbs.push(RawCrumb { mono_ns: 0, level: 0, cut: false, target, message }));
    inbox.publish(record);
    worker.turn();
    let line = &sink.lines_of(LineKind::Panic)[0];
    assert!(!line.contains(secret) && !line.contains("home/u"), "{line}");
    assert!(line.contains("redactor_failed") && line.contains("[redactor failed]"), "{line}");
    let report = &sink.reports()[0];
    assert_eq!(report.frames[0].file.as_deref(), Some("/~/app/src/main.rs"));
    assert_eq!(report.prediction.handler.as_ref().unwrap().file.as_deref(), Some("/~/app/src/main.rs"));
}

#[test]
fn what_the_record_lacks_is_null_with_a_soft_error() {
    let mut record = RawRecord::boxed();
    record.sequence = 9;
    record.set_flag(RawFlag::NoLabels);
    record.process_labels = FORGOTTEN;
    let (report, _) = builder(None).report(&record, &mut always);
    assert_eq!(
        (report.message, report.thread, report.location, report.payload_type),
        (None, None, None, None)
    );
    assert_eq!((report.fate, report.uncaught), (Fate::Unknown, None));
    assert_eq!(report.frames.len(), 0);
    let codes: Vec<&str> = report.soft_errors.iter().map(|error| error.code.as_str()).collect();
    assert_eq!(codes, ["no_location", "no_labels", "unknown_payload", "process_labels_forgotten"]);
}

#[test]
fn a_thread_writes_flushes_and_finishes_for_real() {
    let (inbox, sink) = (Channel::leaked(), MemorySink::new());
    let handle = spawn(inbox, config(vec![Box::new(sink.clone())])).unwrap();
    assert!(handle.flush(LONG), "the `process` line comes first");
    let (lines, _waker) = handle.subscribe(2);
    for sequence in 1..=3 {
        inbox.publish(numbered(sequence));
    }
    assert!(handle.flush(LONG));
    assert_eq!(sink.reports().len(), 3);
    let sequence = |line| match line {
        Line::Panic(report) => report.head.id.sequence(),
        other => panic!("{other:?}"),
    };
    assert_eq!(lines.try_iter().map(sequence).collect::<Vec<_>>(), [1, 2]);
    assert!(inbox.losses.totals().subscriber_full >= 1);
    drop(lines);
    inbox.publish(numbered(4));
    assert!(handle.finish(LONG));
    assert!(handle.finish(LONG), "idempotent");
    assert_eq!(sink.lines_of(LineKind::End).len(), 1);
    assert_eq!(handle.shared.written(), 4);
    assert!(sink.lines()[0].contains("\"kind\":\"process\""));
}

#[test]
fn a_flush_from_a_sink_does_not_wait_for_itself() {
    struct Recursive(Arc<std::sync::OnceLock<WriterHandle>>, Arc<AtomicU64>);
    impl Sink for Recursive {
        fn write(&mut self, _: &EncodedLine<'_>) -> std::io::Result<()> {
            if let Some(handle) = self.0.get() {
                let waited = handle.flush(Duration::MAX) || handle.finish(Duration::MAX);
                self.1.fetch_add(u64::from(!waited), Ordering::Relaxed);
            }
            Ok(())
        }
    }
    let inbox = Channel::leaked();
    let (slot, refused) = (Arc::default(), Arc::new(AtomicU64::new(0)));
    let handle = spawn(inbox, config(vec![Box::new(Recursive(Arc::clone(&slot), refused.clone()))])).unwrap();
    assert!(slot.set(handle.clone()).is_ok());
    inbox.publish(raw_record());
    assert!(handle.flush(LONG));
    assert!(refused.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_stuck_sink_costs_the_caller_its_deadline_and_no_more() {
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl Sink for Stuck {
        fn write(&mut self, _: &EncodedLine<'_>) -> std::io::Result<()> {
            // Ends when the test drops its end.
            self.0.recv().ok();
            Ok(())
        }
    }
    let (release, stuck) = std::sync::mpsc::channel();
    let handle = spawn(Channel::leaked(), config(vec![Box::new(Stuck(stuck))])).unwrap();
    assert!(!handle.flush(Duration::from_millis(1)));
    assert!(!handle.finish(Duration::ZERO));
    drop(release);
    assert!(handle.finish(LONG));
}

#[test]
fn a_report_somebody_waits_for_is_flushed_before_its_slot_is_released() {
    let (inbox, sink, mut worker, _) = bench();
    let before = sink.flushes();
    let mut record = raw_record();
    record.set_flag(RawFlag::Waiting);
    [record, numbered(2), numbered(3)].into_iter().for_each(|record| _ = inbox.publish(record));
    assert!(worker.turn().is_none(), "three in one turn");
    assert_eq!(sink.flushes(), before + 1, "once for the first, and none yet for the others");
}

#[test]
fn images_that_come_or_go_drop_what_is_known_of_addresses() {
    struct Renaming(u64);
    impl Resolve for Renaming {
        fn resolve(
            &mut self,
            _: u64,
            _: Option<&ImageAt>,
            found: &mut dyn FnMut(crate::symbolize::Found<'_>),
        ) -> Inlining {
            let function = Some(format!("app::generation_{}", self.0));
            found(crate::symbolize::Found { function, raw_name: None, file: None, line: None, column: None });
            Inlining::Unknown
        }
        fn forget(&mut self) {
            self.0 += 1;
        }
    }
    let mut builder = builder(None);
    builder.stacks = Stacks::new(Box::new(Renaming(0)), Strategy::Unwind);
    let mut name = |images: u32| {
        let mut record = raw_record();
        record.images = images;
        builder.report(&record, &mut always).0.frames[0].function.clone().unwrap()
    };
    assert_eq!(name(4), "app::generation_0");
    assert_eq!(name(5), "app::generation_1");
    assert_eq!(name(4), "app::generation_1", "a late record of the round before changes nothing");
    assert_eq!(name(5), "app::generation_1");
}
