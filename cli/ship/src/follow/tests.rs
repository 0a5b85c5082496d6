use std::fs;
use std::io::Write as _;

use super::*;

struct Log {
    dir: tempfile::TempDir,
    next: u32,
}

impl Log {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), next: 0 }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("p.jsonl")
    }

    fn to(&mut self, name: &str, count: u32) {
        let mut file =
            fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join(name)).unwrap();
        for _ in 0..count {
            self.next += 1;
            writeln!(file, "{{\"id\":\"a-{}\",\"ts\":\"t\"}}", self.next).unwrap();
        }
    }

    fn write(&mut self, count: u32) {
        self.to("p.jsonl", count);
    }

    fn rename(&self, to: &str) {
        fs::rename(self.path(), self.dir.path().join(to)).unwrap();
    }

    fn pack(&self, from: &str, to: &str) {
        let text = fs::read(self.dir.path().join(from)).unwrap();
        let file = fs::File::create(self.dir.path().join(to)).unwrap();
        let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packer.write_all(&text).unwrap();
        packer.finish().unwrap();
        fs::remove_file(self.dir.path().join(from)).unwrap();
    }

    fn follow(&self, resume: Vec<Position>) -> Follower {
        Follower::new(self.path(), resume, 0)
    }
}

fn drain(follower: &mut Follower) -> Vec<Line> {
    let mut lines = Vec::new();
    // A look may find files that the next read reads.
    for _ in 0..8 {
        while !follower.read(&mut lines, 64, Instant::now()) {}
    }
    lines
}

fn ids(lines: &[Line]) -> Vec<u32> {
    let id = |line: &Line| {
        let text = String::from_utf8_lossy(&line.bytes).into_owned();
        text.split(['-', '"']).find_map(|part| part.parse().ok()).unwrap()
    };
    lines.iter().map(id).collect()
}

fn read(follower: &mut Follower) -> Vec<u32> {
    let lines = drain(follower);
    lines.iter().for_each(|line| follower.done(line.number));
    ids(&lines)
}

#[test]
fn rotations_are_read_first_and_a_renamed_file_is_read_as_long_as_others_write_into_it() {
    let mut log = Log::new();
    log.to("p.jsonl.2", 2);
    log.to("p.jsonl.1", 2);
    log.write(2);
    let mut follower = log.follow(Vec::new());
    assert_eq!(read(&mut follower), [1, 2, 3, 4, 5, 6]);
    log.rename("p.jsonl.20260101T000000.000000000Z");
    log.to("p.jsonl.20260101T000000.000000000Z", 1);
    log.write(1);
    log.to("p.jsonl.20260101T000000.000000000Z", 1);
    assert_eq!(read(&mut follower), [7, 9, 8]);
    log.to("p.jsonl.20260101T000000.000000000Z", 1);
    assert_eq!(read(&mut follower), [10]);
    fs::remove_file(log.path()).unwrap();
    log.write(1);
    assert_eq!(read(&mut follower), [11]);
    assert_eq!(follower.gaps, 0);
}

#[test]
fn a_start_goes_on_behind_what_is_done_whatever_became_of_the_file() {
    for change in ["stays", "renamed", "compressed", "copied and truncated", "renamed twice"] {
        let mut log = Log::new();
        log.write(6);
        let mut follower = log.follow(Vec::new());
        let lines = drain(&mut follower);
        for index in [0, 1, 3, 4] {
            follower.done(lines[index].number);
        }
        let positions = follower.positions();
        assert_eq!(
            (positions[0].line, positions[0].done.clone(), positions[0].open),
            (2, vec![(4, 5)], true)
        );
        match change {
            "renamed" => log.rename("p.jsonl.1"),
            "compressed" => {
                log.rename("p.jsonl.1");
                log.pack("p.jsonl.1", "p.jsonl.1.gz");
            }
            "copied and truncated" => {
                fs::copy(log.path(), log.dir.path().join("p.jsonl.1")).unwrap();
                fs::File::create(log.path()).unwrap();
            }
            "renamed twice" => {
                log.rename("p.jsonl.2");
                log.to("p.jsonl.1", 1);
            }
            _ => {}
        }
        log.write(2);
        let mut again = log.follow(positions);
        let expected: &[u32] = if change == "renamed twice" { &[3, 6, 7, 8, 9] } else { &[3, 6, 7, 8] };
        assert_eq!(read(&mut again), expected, "{change}");
        assert_eq!(again.gaps, 0, "{change}");
        assert!(again.positions().iter().all(|position| position.done.is_empty() && !position.open));
    }
}

#[test]
fn truncation_is_noticed_also_when_the_file_has_grown_again_and_a_copy_has_the_rest() {
    let mut log = Log::new();
    log.write(3);
    let mut follower = log.follow(Vec::new());
    assert_eq!(read(&mut follower), [1, 2, 3]);
    log.write(1);
    fs::copy(log.path(), log.dir.path().join("p.jsonl.1")).unwrap();
    fs::File::create(log.path()).unwrap();
    log.write(9);
    assert_eq!(read(&mut follower), [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    assert_eq!(follower.gaps, 0);
    fs::File::create(log.path()).unwrap();
    log.write(1);
    assert_eq!(read(&mut follower), [14]);
    assert_eq!(follower.gaps, 1, "nobody knows what stood there");
}

#[test]
fn a_file_that_is_gone_with_lines_in_it_is_a_gap_and_old_ones_are_not_read_again() {
    let mut log = Log::new();
    log.write(3);
    let mut follower = log.follow(Vec::new());
    let lines = drain(&mut follower);
    follower.done(lines[0].number);
    let positions = follower.positions();
    fs::remove_file(log.path()).unwrap();
    log.write(2);
    let mut again = log.follow(positions);
    assert_eq!((read(&mut again), again.gaps), (vec![4, 5], 1));
    let positions = again.positions();
    log.rename("p.jsonl.9");
    fs::remove_file(log.dir.path().join("p.jsonl.9")).unwrap();
    let mut late = Follower::new(log.path(), positions, i64::MAX);
    assert_eq!((read(&mut late), late.gaps), (vec![], 0), "all of it was shipped");
}

#[test]
fn a_line_is_given_when_it_is_whole_and_one_that_is_too_long_is_given_empty() {
    let mut log = Log::new();
    fs::write(log.path(), "{\"id\":\"a-1\"").unwrap();
    let mut follower = log.follow(Vec::new());
    assert!(drain(&mut follower).is_empty());
    let mut file = fs::OpenOptions::new().append(true).open(log.path()).unwrap();
    file.write_all(b"}\n").unwrap();
    file.write_all(&vec![b'x'; 5 << 20]).unwrap();
    file.write_all(b"\n").unwrap();
    log.next = 1;
    log.write(1);
    let lines = drain(&mut follower);
    assert_eq!(lines.len(), 3);
    assert!(lines[1].bytes.len() < 4 << 20);
    assert_eq!(ids(&lines[2..]), [2]);
    let position = &follower.positions()[0];
    assert_eq!((position.line, position.offset), (0, 0));
}

#[test]
fn a_stack_that_an_earlier_run_has_read_is_found_again() {
    let shown =
        "{\"id\":\"a-1\",\"ts\":\"t\",\"prediction\":{},\"frames\":[1],\"stack_id\":\"00000000000000aa\"}\n";
    let named = |id: u32| format!("{{\"id\":\"a-{id}\",\"stack_id\":\"00000000000000aa\"}}\n");
    let frames = |lines: &[Line]| -> Vec<serde_json::Value> {
        lines
            .iter()
            .map(|line| serde_json::from_slice::<serde_json::Value>(&line.bytes).unwrap()["frames"].clone())
            .collect()
    };
    for packed in [false, true] {
        let log = Log::new();
        fs::write(log.path(), [shown, &named(2)].concat()).unwrap();
        let mut follower = log.follow(Vec::new());
        let lines = drain(&mut follower);
        assert_eq!(frames(&lines), [serde_json::json!([1]), serde_json::json!([1])]);
        lines.iter().for_each(|line| follower.done(line.number));
        let mut file = fs::OpenOptions::new().append(true).open(log.path()).unwrap();
        file.write_all([named(3), named(4)].concat().as_bytes()).unwrap();
        if packed {
            log.rename("p.jsonl.1");
            log.pack("p.jsonl.1", "p.jsonl.1.gz");
        }
        let mut again = log.follow(follower.positions());
        let lines = drain(&mut again);
        assert_eq!(ids(&lines), [3, 4], "{packed}");
        assert_eq!(frames(&lines), [serde_json::json!([1]), serde_json::json!([1])], "{packed}");
    }
    // A name that no line shows.
    let log = Log::new();
    fs::write(log.path(), named(1)).unwrap();
    assert_eq!(frames(&drain(&mut log.follow(Vec::new()))), [serde_json::json!([])]);
}
