//! How many reports the writer makes of a stack that it knows. Prints the rates of a release build
//! (`--nocapture`) and asserts nothing on time; a debug build checks the path.

use std::time::{Duration, Instant};

use super::fake_probes::FakeProbes;
use super::samples::*;
use super::*;
use crate::record::Line;

/// Reports between two looks at the rest of the work, as in a storm.
const BATCH: u64 = 64;

struct Null;

impl Sink for Null {
    fn write(&mut self, _: &Line<'_>) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the probes see of each panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probed {
    /// There are none.
    Nothing,
    /// Its whole life, before its record is written.
    Before,
    /// Its whole life, after its record is written: one `verdict` line for each.
    After,
}

/// Time that this thread had a core, so that the neighbours do not count; wall time where it is not told.
fn spent(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|text| text.split(' ').next()?.parse().ok());
    told.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

fn live(probes: &FakeProbes, tid: u32, sequence: u64) {
    probes.raised(tid, sequence, 0);
    probes.landed(tid, sequence, 5);
    probes.dropped(tid, sequence, 0);
}

/// Full reports of one stack of 36 frames, from one thread after another.
fn storm(sink: Box<dyn Sink>, probed: Probed, panics: u64) -> (f64, usize) {
    let probes = FakeProbes::new(1024);
    let mut config = config(vec![sink]);
    if probed != Probed::Nothing {
        config.events = Some(probes.queue);
    }
    let (mut worker, handle) = by_hand(FakeInbox::leaked(), config);
    let mut record = raw_record();
    // 36 kept frames and 3 trimmed ones.
    set_walk(&mut record, 39, 5);
    let start = Instant::now();
    let before = spent(start);
    for sequence in 1..=panics {
        record.sequence = sequence;
        record.tid = 4242 + (sequence % 8) as u32;
        if probed == Probed::Before {
            live(&probes, record.tid, sequence);
        }
        worker.record(&record);
        if probed == Probed::After {
            live(&probes, record.tid, sequence);
        }
        if sequence % BATCH == 0 {
            worker.turn();
        }
    }
    worker.turn();
    let rate = panics as f64 / (spent(start) - before).as_secs_f64();
    assert_eq!(handle.written(), panics);
    (rate, worker.line.bytes().len())
}

#[test]
fn repeated_stacks_are_written_at_speed() {
    let path = std::env::temp_dir().join(format!("panic-agent-speed-{}", std::process::id()));
    let panics = if cfg!(debug_assertions) { 200 } else { 100_000 };
    let file = || Box::new(crate::sink::FileSink::open(&path).unwrap()) as Box<dyn Sink>;
    let null = || Box::new(Null) as Box<dyn Sink>;
    for (name, sink, probed) in [
        ("null", null(), Probed::Nothing),
        ("null", null(), Probed::Before),
        ("null", null(), Probed::After),
        ("file", file(), Probed::Nothing),
        ("file", file(), Probed::After),
    ] {
        let (rate, bytes) = storm(sink, probed, panics);
        if !cfg!(debug_assertions) {
            println!("{name}, probes see {probed:?}: {rate:.0} panics/s, reports of {bytes} bytes");
        }
    }
    std::fs::remove_file(&path).ok();
}
