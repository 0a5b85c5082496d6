use super::*;

const HOLD: Duration = Duration::from_secs(2);

fn line(number: u64, kind: &str, id: &str, ts_ms: i64, receipt: &str, basis: &str) -> Line {
    let text = format!(
        r#"{{"schema":1,"kind":"{kind}","id":"{id}","ts_ms":{ts_ms},"fingerprint":"f{id}","message":"m","fate":"caught","receipt":"{receipt}","basis":"{basis}","silent":null,"incident":"a-1"}}"#
    );
    Line { number, bytes: text.into_bytes() }
}

fn drain(merge: &mut Merge) -> Vec<(String, Event, Vec<u64>)> {
    std::iter::from_fn(|| merge.next()).map(|record| (record.id, record.event, record.lines)).collect()
}

#[test]
fn a_settled_panic_goes_at_once_and_an_open_one_waits_for_its_verdict() {
    let (mut merge, now) = (Merge::new(HOLD, 1 << 20), Instant::now());
    assert_eq!(merge.take(line(0, "panic", "a-1", 10, "read", "confirmed"), now, |_| {}), Taken::Kept);
    assert_eq!(merge.take(line(1, "panic", "a-2", 11, "pending", "predicted"), now, |_| {}), Taken::Kept);
    merge.release(true, false, now);
    assert_eq!(drain(&mut merge), [("a-1".to_owned(), Event::Panic, vec![0])]);
    assert_eq!(merge.take(line(2, "verdict", "a-2", 12, "received", "confirmed"), now, |_| {}), Taken::Kept);
    merge.release(true, false, now);
    let record = merge.next().unwrap();
    assert!(String::from_utf8_lossy(&record.line).contains("\"receipt\":\"received\""));
    assert_eq!((record.lines, record.root.unwrap().fingerprint.as_str()), (vec![1, 2], "fa-1"));
    assert!(merge.is_empty());
}

#[test]
fn the_hold_ends_by_the_clock_of_the_log_or_by_our_own_and_a_later_word_is_a_second_record() {
    let (mut merge, now) = (Merge::new(HOLD, 1 << 20), Instant::now());
    merge.take(line(0, "panic", "a-1", 1_000, "pending", "predicted"), now, |_| {});
    merge.take(line(1, "panic", "a-2", 2_500, "pending", "predicted"), now, |_| {});
    merge.release(false, false, now);
    assert_eq!(drain(&mut merge), []);
    merge.take(line(2, "process", "b", 3_000, "", ""), now, |_| {});
    merge.release(false, false, now);
    assert_eq!(drain(&mut merge), [("a-1".to_owned(), Event::Panic, vec![0])]);
    merge.release(true, false, now + Duration::from_millis(1_999));
    assert_eq!(drain(&mut merge), []);
    merge.release(true, false, now + HOLD);
    assert_eq!(drain(&mut merge), [("a-2".to_owned(), Event::Panic, vec![1])]);
    assert_eq!(
        merge.take(line(3, "verdict", "a-1", 4_000, "pending", "confirmed"), now, |_| {}),
        Taken::Done
    );
    assert_eq!(merge.take(line(4, "verdict", "a-1", 4_001, "read", "confirmed"), now, |_| {}), Taken::Kept);
    assert_eq!(merge.take(line(5, "verdict", "a-1", 4_002, "read", "confirmed"), now, |_| {}), Taken::Done);
    assert_eq!(drain(&mut merge), [("a-1".to_owned(), Event::Verdict, vec![4])]);
}

#[test]
fn lines_of_the_past_wait_as_long_as_those_of_today() {
    let (mut merge, now) = (Merge::new(HOLD, 1 << 20), Instant::now());
    merge.take(line(0, "panic", "b-1", 1_000_000, "read", "confirmed"), now, |_| {});
    merge.take(line(1, "panic", "a-1", 1_000, "pending", "predicted"), now, |_| {});
    merge.release(false, false, now);
    assert_eq!(drain(&mut merge), [("b-1".to_owned(), Event::Panic, vec![0])]);
    merge.take(line(2, "verdict", "a-1", 1_001, "read", "confirmed"), now, |_| {});
    merge.release(false, false, now);
    assert_eq!(drain(&mut merge), [("a-1".to_owned(), Event::Panic, vec![1, 2])]);
}

#[test]
fn the_bound_ends_the_hold_and_what_is_no_line_is_told() {
    let (mut merge, now) = (Merge::new(HOLD, 300), Instant::now());
    for number in 0..4 {
        merge.take(line(number, "panic", &format!("a-{number}"), 0, "pending", "predicted"), now, |_| {});
    }
    merge.release(false, false, now);
    let left = 4 - drain(&mut merge).len();
    assert!(left <= 1, "{left} are kept");
    let text = |bytes: &[u8]| Line { number: 9, bytes: bytes.to_vec() };
    assert_eq!(merge.take(text(b"   "), now, |_| {}), Taken::Done);
    assert_eq!(merge.take(text(b"{\"a\":1}"), now, |_| {}), Taken::Foreign);
    assert_eq!(merge.take(text(b"panicked at"), now, |_| {}), Taken::Foreign);
}
