//! How many reports the writer makes of a stack that it knows.

use super::samples::*;
use super::*;
use crate::record::Line;

/// Full reports of one stack of 36 frames per second, in release builds; a debug build checks the path.
#[test]
fn repeated_stacks_are_written_at_speed() {
    struct Null;
    impl Sink for Null {
        fn write(&mut self, _: &Line<'_>) -> std::io::Result<()> {
            Ok(())
        }
    }
    let path = std::env::temp_dir().join(format!("panic-agent-speed-{}", std::process::id()));
    let rounds = if cfg!(debug_assertions) { 200 } else { 100_000 };
    let file = crate::sink::FileSink::open(&path).unwrap();
    for (name, sink, least) in
        [("null", Box::new(Null) as Box<dyn Sink>, 30_000.0), ("file", Box::new(file), 5_000.0)]
    {
        let inbox = FakeInbox::leaked();
        let (mut worker, handle) = by_hand(inbox, config(vec![sink]));
        let mut record = raw_record();
        // 36 kept frames and 3 trimmed ones.
        set_walk(&mut record, 39, 5);
        let start = std::time::Instant::now();
        for sequence in 1..=rounds {
            record.sequence = sequence;
            worker.record(&record);
        }
        let rate = rounds as f64 / start.elapsed().as_secs_f64();
        assert_eq!(handle.written(), rounds);
        if !cfg!(debug_assertions) {
            println!("{name}: {rate:.0} reports/s of {} bytes", worker.line.bytes().len());
            // A tenth of what is measured on an idle machine: a lost fast path falls below it.
            assert!(rate > least, "{name}: {rate:.0} reports/s");
        }
    }
    std::fs::remove_file(&path).ok();
}
