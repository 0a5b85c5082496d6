//! The file sink on real files: what others do to the file, what the disk does, rotation.

use std::fs;
use std::time::Duration;

use super::*;
use crate::files::testing::Dir;
use crate::record::ShortLine;
use crate::testing::samples::line_of_any_kind;

fn put(sink: &mut FileSink, text: &[u8]) -> io::Result<()> {
    sink.write(&EncodedLine::new(&line_of_any_kind(), text))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Lines of one character each.
fn puts(sink: &mut FileSink, lines: &str) {
    lines.chars().for_each(|line| put(sink, format!("{line}\n").as_bytes()).unwrap());
}

/// A directory of its own, the path of a log in it, and a sink that appends there.
fn open(name: &str, rotation: Rotation) -> (Dir, PathBuf, FileSink) {
    let dir = Dir::new(name);
    let path = dir.join("p.jsonl");
    let sink = FileSink::open_with(&path, FileTrust::Strict, rotation).unwrap();
    (dir, path, sink)
}

/// The same in a directory within, which can go.
fn open_inner(name: &str) -> (Dir, PathBuf, PathBuf, FileSink) {
    let dir = Dir::new(name);
    let inner = dir.join("logs");
    fs::create_dir(&inner).unwrap();
    let path = inner.join("p.jsonl");
    let sink = FileSink::open(&path).unwrap();
    (dir, inner, path, sink)
}

/// A minute passes.
fn age(sink: &mut FileSink) {
    sink.open.since -= Duration::from_secs(61);
}

const AFTER_A_MINUTE: Rotation = Rotation::never().after(Duration::from_secs(60));
const AT_4_KIB: Rotation = Rotation::never().at_bytes(4096);

/// Archives beside `p.jsonl`, oldest first.
fn archives(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("p.jsonl."));
    found.sort();
    found
}

#[test]
fn appends_whole_lines_to_a_file_only_its_owner_can_read() {
    let dir = Dir::new("append");
    let path = dir.join("p.jsonl");
    fs::write(&path, "old\n").unwrap();
    put(&mut FileSink::open(&path).unwrap(), b"{}\n").unwrap();
    assert_eq!(text(&path), "old\n{}\n");
}

#[test]
fn lines_that_come_together_stand_in_the_file_as_if_they_had_come_one_by_one() {
    let dir = Dir::new("together");
    let line = line_of_any_kind();
    let lines = [&b"1\n"[..], b"22\n", b"333\n"].map(|text| EncodedLine::new(&line, text));
    for (name, rotation) in
        [("plain", Rotation::never()), ("rotated", Rotation::never().at_bytes(MIN_ROTATION_BYTES))]
    {
        let path = dir.join(name);
        fs::write(&path, "torn").unwrap();
        let mut sink = FileSink::open_with(&path, FileTrust::Strict, rotation).unwrap();
        sink.write_all(&lines).unwrap();
        put(&mut sink, b"{}\n").unwrap();
        sink.write_all(&[]).unwrap();
        assert_eq!(text(&path), "torn\n1\n22\n333\n{}\n");
        fs::remove_file(&path).unwrap();
        sink.flush().unwrap();
        sink.write_all(&lines).unwrap();
        assert_eq!(text(&path), "1\n22\n333\n");
    }
}

/// Puts a line that shows the stack with this number, or names it.
fn put_stack(sink: &mut FileSink, stack_id: u64) {
    let line = line_of_any_kind();
    let [shown, named] = ["shows", "names"].map(|does| format!("{does} {stack_id}\n").into_bytes());
    let short = ShortLine { stack_id, with_newline: &named };
    sink.write(&EncodedLine::new(&line, &shown).with_short(Some(short))).unwrap();
}

#[test]
fn each_file_shows_a_stack_once() {
    let (dir, path, mut sink) = open("stacks", AFTER_A_MINUTE);
    for stack_id in [1, 1, 2, 1] {
        put_stack(&mut sink, stack_id);
    }
    put(&mut sink, b"a line of another kind\n").unwrap();
    put_stack(&mut sink, 2);
    let whole = "shows 1\nnames 1\nshows 2\nnames 1\na line of another kind\nnames 2\n";
    assert_eq!(text(&path), whole);
    // Put aside by the sink.
    age(&mut sink);
    put_stack(&mut sink, 1);
    put_stack(&mut sink, 1);
    assert_eq!(text(&archives(&dir)[0]), whole);
    assert_eq!(text(&path), "shows 1\nnames 1\n");
    // Renamed by somebody else.
    sink.flush().unwrap();
    fs::rename(&path, dir.join("moved")).unwrap();
    put_stack(&mut sink, 1);
    assert_eq!(text(&path), "shows 1\n");
    // Truncated, after a look at the path.
    put_stack(&mut sink, 1);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    put_stack(&mut sink, 1);
    put_stack(&mut sink, 1);
    assert_eq!(text(&path), "shows 1\nnames 1\n");
}

#[test]
fn a_torn_last_line_of_an_earlier_process_is_closed_before_the_first_new_one() {
    let dir = Dir::new("torn-before");
    let path = dir.join("p.jsonl");
    fs::write(&path, "{}\n{\"kind\":\"pan").unwrap();
    let mut sink = FileSink::open(&path).unwrap();
    puts(&mut sink, "12");
    assert_eq!(text(&path), "{}\n{\"kind\":\"pan\n1\n2\n");
    // The same when another process dies meanwhile.
    fs::write(&path, "{\"kind\"").unwrap();
    sink.flush().unwrap();
    puts(&mut sink, "3");
    assert_eq!(text(&path), "{\"kind\"\n3\n");
}

#[test]
fn a_renamed_and_a_removed_file_are_made_again_after_a_pause() {
    let (dir, path, mut sink) = open("renamed", Rotation::never());
    let old = dir.join("p.jsonl.1");
    puts(&mut sink, "1");
    fs::rename(&path, &old).unwrap();
    sink.flush().unwrap();
    puts(&mut sink, "2");
    assert_eq!(text(&old), "1\n");
    assert_eq!(text(&path), "2\n");
    fs::remove_file(&path).unwrap();
    for _ in 0..LINES_PER_LOOK {
        puts(&mut sink, "3");
    }
    assert_eq!(text(&path), "3\n", "also in the middle of a storm");
}

#[test]
fn a_truncated_file_goes_on_from_its_start() {
    let (_dir, path, mut sink) = open("truncated", Rotation::never());
    puts(&mut sink, "1");
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    puts(&mut sink, "2");
    sink.flush().unwrap();
    puts(&mut sink, "3");
    assert_eq!(text(&path), "2\n3\n");
}

#[test]
fn a_directory_that_is_gone_is_an_error_and_its_return_is_noticed() {
    let (_dir, inner, path, mut sink) = open_inner("gone");
    fs::remove_dir_all(&inner).unwrap();
    assert!(put(&mut sink, b"1\n").is_err());
    assert!(put(&mut sink, b"2\n").is_err(), "not only the first line");
    fs::create_dir(&inner).unwrap();
    puts(&mut sink, "3");
    assert_eq!(text(&path), "3\n");
}

#[test]
fn a_moved_file_that_cannot_be_made_again_is_written_on_and_that_is_said_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, inner, path, mut sink) = open_inner("moved");
    fs::rename(&path, inner.join("away")).unwrap();
    // Nobody's rights are asked when root opens a file, but a place that everybody can write to is refused.
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o777)).unwrap();
    puts(&mut sink, "12");
    assert_eq!(text(&inner.join("away")), "1\n2\n");
    let trouble = sink.take_trouble().unwrap();
    assert!(trouble.contains("logs/p.jsonl") && trouble.contains("everybody can write"), "{trouble}");
    assert_eq!(sink.take_trouble(), None);
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
    puts(&mut sink, "3");
    assert_eq!(text(&path), "3\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_every_time_and_never_a_panic() {
    let mut sink = FileSink::open("/dev/full").unwrap();
    for _ in 0..3 {
        let error = put(&mut sink, b"1\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let (line, short) = (line_of_any_kind(), ShortLine { stack_id: 1, with_newline: b"names\n" });
        sink.write(&EncodedLine::new(&line, b"shows\n").with_short(Some(short))).unwrap_err();
        assert!(!sink.shown.has(1));
    }
}

#[test]
fn a_full_file_is_put_aside_before_the_line_that_would_not_fit_and_the_oldest_archives_go() {
    let (dir, path, mut sink) = open("size", AT_4_KIB.keep(2));
    fs::write(dir.join("p.jsonl.mine"), "not an archive").unwrap();
    for digit in b'0'..b'8' {
        let mut line = vec![digit; 2048];
        line[2047] = b'\n';
        put(&mut sink, &line).unwrap();
    }
    assert_eq!(sink.take_trouble(), None);
    let found = archives(&dir);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(text(&dir.join("p.jsonl.mine")), "not an archive");
    let begins: Vec<String> = found[..2]
        .iter()
        .chain([&path])
        .map(|path| text(path).lines().map(|line| &line[..1]).collect())
        .collect();
    assert_eq!(begins, ["23", "45", "67"]);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_is_put_aside_when_it_is_old() {
    let (dir, path, mut sink) = open("age", AFTER_A_MINUTE);
    puts(&mut sink, "12");
    assert_eq!(archives(&dir).len(), 0);
    age(&mut sink);
    puts(&mut sink, "3");
    assert_eq!(text(&archives(&dir)[0]), "1\n2\n");
    assert_eq!(text(&path), "3\n");
}

#[test]
fn an_archive_into_which_somebody_writes_is_not_deleted() {
    let (dir, path, mut one) = open("in-use", AT_4_KIB.keep(1));
    let mut other = FileSink::open_with(&path, FileTrust::Strict, AT_4_KIB.keep(1)).unwrap();
    let line = [&[b'x'; 4000][..], b"\n"].concat();
    // In the middle of a burst.
    put(&mut other, b"first\n").unwrap();
    for _ in 0..3 {
        put(&mut one, &line).unwrap();
    }
    put(&mut other, b"second\n").unwrap();
    let found = archives(&dir);
    assert_eq!(found.len(), 2, "one more than is to be kept: {found:?}");
    assert!(text(&found[0]).starts_with("first\n") && text(&found[0]).ends_with("second\n"));
    // The pause ends the use.
    other.flush().unwrap();
    put(&mut one, &line).unwrap();
    assert_eq!(archives(&dir).len(), 1);
    put(&mut other, b"third\n").unwrap();
    assert!(text(&path).ends_with("third\n"));
}

#[test]
fn processes_that_rotate_one_file_lose_no_line() {
    const LINES: usize = 400;
    let dir = Dir::new("several");
    let path = dir.join("p.jsonl");
    let rotation = AT_4_KIB.keep(1000);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                // Each with an open file and locks of its own, as a process has them.
                let mut sink = FileSink::open_with(path, FileTrust::Strict, rotation).unwrap();
                for number in 0..LINES {
                    put(&mut sink, format!("{writer} {number} {}\n", "x".repeat(number % 200)).as_bytes())
                        .unwrap();
                    if number % 7 == 0 {
                        sink.flush().unwrap();
                    }
                }
                assert_eq!(sink.take_trouble(), None);
            });
        }
    });
    let files = archives(&dir);
    // How often depends on how the threads take turns: a file that is in use is not replaced.
    assert!(files.len() > 1, "{files:?}");
    let all: String = files.iter().chain([&path]).map(|path| text(path)).collect();
    let mut seen: Vec<&str> = all.lines().collect();
    assert_eq!(seen.len(), 4 * LINES);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 4 * LINES);
}

#[test]
fn a_rotation_that_fails_costs_no_line_and_is_said_once() {
    use crate::sys::faults::{Call, Fault, Plan, on_thread};
    let (dir, path, mut sink) = open("refused", AT_4_KIB);
    on_thread(Some(Plan { call: Call::Rename, nth: 1, fault: Fault::Errno(libc::EACCES), for_ever: true }));
    let line = [&[b'x'; 2000][..], b"\n"].concat();
    for _ in 0..10 {
        put(&mut sink, &line).unwrap();
        sink.flush().unwrap();
    }
    assert!(on_thread(None) > 1);
    let trouble = sink.take_trouble().unwrap();
    assert!(trouble.starts_with("cannot rotate `") && trouble.contains("p.jsonl`: "), "{trouble}");
    assert_eq!(sink.take_trouble(), None);
    assert_eq!((text(&path).lines().count(), archives(&dir).len()), (10, 0));
    put(&mut sink, &line).unwrap();
    assert_eq!((text(&path).lines().count(), archives(&dir).len()), (1, 1));
}

/// What a writer of lines finds in the file and beside it when the k-th call of a kind fails, for every k: each line
/// that was said to be written is there once and whole, and none of the others.
#[test]
fn whatever_call_fails_every_line_is_written_whole_or_refused() {
    use std::collections::BTreeSet;

    use crate::sys::faults::{Call, Fault, Plan, on_thread};
    const LINES: usize = 40;
    let calls =
        [Call::Open, Call::Write, Call::Read, Call::Stat, Call::Rename, Call::Unlink, Call::Lock, Call::List];
    let faults = [libc::EIO, libc::ENOSPC, libc::EINTR].map(Fault::Errno);
    let faults = faults.into_iter().chain([libc::EIO, libc::ENOSPC, libc::EINTR].map(Fault::HalfThen));
    let plans = calls.into_iter().flat_map(|call| {
        faults.clone().flat_map(move |fault| [false, true].map(|for_ever| (call, fault, for_ever)))
    });
    let mut trials = 0;
    for (call, fault, for_ever) in plans {
        // EINTR for ever is nothing that a system does.
        if for_ever && matches!(fault, Fault::Errno(libc::EINTR) | Fault::HalfThen(libc::EINTR)) {
            continue;
        }
        for nth in 1.. {
            let dir = Dir::new("every-call");
            let path = dir.join("p.jsonl");
            fs::write(&path, "{\"torn").unwrap();
            on_thread(Some(Plan { call, nth, fault, for_ever }));
            let rotation = AT_4_KIB.keep(100);
            let mut said = BTreeSet::new();
            if let Ok(mut sink) = FileSink::open_with(&path, FileTrust::Strict, rotation) {
                for number in 0..LINES {
                    let line = format!("{number} {}\n", "x".repeat(300));
                    if put(&mut sink, line.as_bytes()).is_ok() {
                        said.insert(number);
                    }
                    if number % 5 == 0 {
                        sink.flush().unwrap();
                    }
                    if number == LINES / 2 && path.exists() {
                        fs::rename(&path, dir.join("p.jsonl.moved")).unwrap();
                    }
                }
            }
            let fired = on_thread(None);
            trials += 1;
            let files = archives(&dir).into_iter().chain([path.clone()]).filter(|path| path.exists());
            let all: String = files.map(|path| text(&path) + "\n").collect();
            let number =
                |line: &str| line.strip_suffix(&format!(" {}", "x".repeat(300)))?.parse::<usize>().ok();
            let whole: Vec<usize> = all.lines().filter_map(number).collect();
            let found: BTreeSet<usize> = whole.iter().copied().collect();
            assert_eq!(
                whole.len(),
                found.len(),
                "a line is there twice: {call:?} {nth} {fault:?} {for_ever}"
            );
            assert_eq!(found, said, "{call:?} {nth} {fault:?} {for_ever}");
            if fired == 0 {
                assert_eq!(said.len(), LINES, "nothing failed");
                break;
            }
        }
    }
    println!("{trials} trials");
    assert!(trials > 200);
}
