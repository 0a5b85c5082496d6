//! Real spools, and what is left of them after damage.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::channel::{Channel, layout};
use crate::files::FileTrust;
use crate::files::testing::Dir;
use crate::probe::LandingNotes as _;
use crate::record::{LossCounters, LossReason};
use crate::recovery::fuzzing::{Repair, compact, expand, read_and_write};
use crate::recovery::reader::{SpoolError, read};
use crate::recovery::*;
use crate::spool::Facts;
use crate::testing::samples::raw_record;
use layout::{changing, fixed};

pub(crate) const SLOTS: usize = 4;
pub(crate) const INSTANCE: u64 = 0xabc;

fn place(dir: &Path) -> Place {
    Place { directory: dir.to_owned(), log: Some(dir.join("p.jsonl")), trust: FileTrust::Strict }
}

/// Three records in four slots; the first one's panic has landed, the second slot is still being written.
pub(crate) fn spool(dir: &Path) -> (&'static LiveSpool, Channel, PathBuf) {
    let live: &'static LiveSpool =
        Box::leak(Box::new(create(&place(dir), [SLOTS; 2], INSTANCE).live.unwrap()));
    let channel = Channel::within(live.room(), SLOTS, 0, 0).unwrap();
    let being_written = channel.claim().unwrap();
    for sequence in 1..=3 {
        let mut slot = channel.claim().unwrap();
        let sample = raw_record();
        let record = slot.record();
        record.sequence = sequence;
        record.tid = sequence as u32;
        record.message.set("index out of bounds");
        assert!(record.labels.push("task", "sync"));
        record.walk = sample.walk;
        live.landings.raised(sequence);
        slot.publish();
    }
    core::mem::forget(being_written);
    live.landings.landed(1);
    live.say(layout::FLAG_LANDINGS);
    live.note_log();
    let facts = Facts { log: live.log().map(Path::to_owned), max_report_bytes: 30_000, ..Facts::default() };
    live.write_facts(&facts).unwrap();
    let path = find(&place(dir), false).unwrap().remove(0);
    (live, channel, path)
}

#[test]
fn what_is_published_in_room_that_was_made_later_is_found_like_the_rest() {
    let dir = Dir::new("room");
    let live = create(&place(&dir), [SLOTS, 5000], INSTANCE).live.unwrap();
    let live: &'static LiveSpool = Box::leak(Box::new(live));
    let path = find(&place(&dir), false).unwrap().remove(0);
    let len = || path.metadata().unwrap().len();
    let short = len();
    let channel = Channel::within(live.room(), SLOTS, 0, 5000).unwrap();
    let publish = |sequence: u64| {
        let Some(mut slot) = channel.claim() else { return false };
        slot.record().sequence = sequence;
        slot.publish();
        true
    };
    assert_eq!((1..=10).filter(|sequence| publish(*sequence)).count(), SLOTS);
    assert!(channel.is_filling_up() && channel.make_room() && !channel.is_filling_up());
    assert!(len() > short);
    let published = (5..=9000).take_while(|sequence| publish(*sequence) && channel.make_room()).count();
    assert!(published > 2000, "{published}");
    let found = sequences(&read_file(&path));
    assert!(found.len() > published && found.iter().copied().eq(1..=found.len() as u64), "{}", found.len());
    // The writer catches up, and the next storm begins with the usual slots.
    while let Some(slot) = channel.try_receive() {
        drop(slot);
    }
    channel.close_room();
    channel.rest();
    assert_eq!(sequences(&read_file(&path)), [0; 0]);
    assert_eq!((1..=10).filter(|sequence| publish(*sequence)).count(), SLOTS);
}

fn read_file(path: &Path) -> Contents {
    read(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn sequences(contents: &Contents) -> Vec<u64> {
    contents.records.iter().map(|found| found.record.sequence).collect()
}

#[test]
fn everything_that_was_published_and_nothing_else_is_read_back() {
    let dir = Dir::new("whole");
    let (live, channel, path) = spool(&dir);
    let losses = LossCounters::default();
    losses.mirror_in(live.losses());
    losses.record(LossReason::PoolFull);
    let contents = read_file(&path);
    assert_eq!((sequences(&contents), contents.torn, contents.instance), (vec![1, 2, 3], 0, INSTANCE));
    let notes: Vec<_> = contents.records.iter().map(|found| found.landing).collect();
    assert_eq!(notes, [LandingNote::Landed, LandingNote::NotLanded, LandingNote::NotLanded]);
    assert_eq!(contents.unwinding, [2, 3]);
    let record = &contents.records[0].record;
    assert_eq!(record.message.as_str(), "index out of bounds");
    assert_eq!(record.labels.pairs().collect::<Vec<_>>(), [("task", "sync")]);
    assert_eq!(
        (record.walk.ips(), record.walk.stopper),
        (raw_record().walk.ips(), raw_record().walk.stopper)
    );
    assert_eq!(contents.losses.pool_full, 1);
    assert_eq!(contents.facts.unwrap().log, Some(dir.join("p.jsonl")));
    assert!(!contents.process_line_written);
    // Written ones are gone.
    drop(channel.try_receive().unwrap());
    let contents = read_file(&path);
    assert_eq!(sequences(&contents), [2, 3]);
    live.remove();
    assert!(!path.exists());
}

#[test]
fn the_file_belongs_to_its_user_alone_and_is_never_anothers() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new("mode");
    let (_live, _channel, path) = spool(&dir);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // A second one of the same process gets another name.
    let other = create(&place(&dir), [SLOTS; 2], INSTANCE);
    assert_eq!((other.problem, find(&place(&dir), false).unwrap().len()), (None, 2));
    // The process lives, so nobody may have either.
    for path in find(&place(&dir), false).unwrap() {
        assert!(matches!(DeadSpool::open(&path, FileTrust::Strict).unwrap(), Search::InUse));
    }
}

#[test]
fn a_directory_in_which_everybody_may_replace_files_gets_no_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new("world");
    std::fs::set_permissions(&*dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let created = create(&place(&dir), [SLOTS; 2], INSTANCE);
    assert!(created.problem.unwrap().contains("everybody can write"));
    assert!(created.live.is_some(), "memory without a name");
    assert_eq!(find(&place(&dir), false).unwrap().len(), 0);
    let nowhere = Place { directory: dir.join("nowhere"), log: None, trust: FileTrust::Strict };
    assert!(create(&nowhere, [SLOTS; 2], INSTANCE).problem.unwrap().contains("nowhere"));
}

#[test]
fn another_version_and_another_file_are_refused_by_name() {
    let dir = Dir::new("version");
    let (_live, _channel, path) = spool(&dir);
    let whole = std::fs::read(&path).unwrap();
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        read(&bytes).unwrap_err()
    };
    assert_eq!(changed(fixed::MAGIC), SpoolError::NotASpool);
    assert_eq!(changed(fixed::VERSION), SpoolError::Version(layout::VERSION ^ 1));
    assert_eq!(changed(fixed::BYTE_ORDER), SpoolError::Geometry);
    for at in [fixed::PID, fixed::SLOTS, fixed::INSTANCE, fixed::BOOT, fixed::CHECKSUM] {
        assert_eq!(changed(at), SpoolError::Header, "{at}");
    }
    assert_eq!(read(&[]).unwrap_err(), SpoolError::NotASpool);
}

#[test]
fn a_torn_copy_of_the_facts_leaves_the_older_one() {
    let dir = Dir::new("facts");
    let (live, _channel, path) = spool(&dir);
    let facts = Facts { redacted: true, ..Facts::default() };
    live.write_facts(&facts).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(read(&bytes).unwrap().facts.unwrap().redacted);
    let newer = layout::FACTS_AT + layout::FACTS_HEAD;
    bytes[newer] ^= 1;
    assert!(!read(&bytes).unwrap().facts.unwrap().redacted);
    bytes[newer + layout::FACTS_BYTES] ^= 1;
    assert_eq!(read(&bytes).unwrap().facts, None);
    let (first, second) = (changing::LOG, changing::LOG + changing::LOG_STRIDE);
    bytes[first] ^= 1;
    bytes[second] ^= 1;
    assert_eq!(read(&bytes).unwrap().log, None);
}

fn line(instance: u64, number: u64) -> String {
    format!(r#"{{"schema":1,"kind":"panic","id":"{instance:016x}-{number}","message":"a"}}"#)
}

fn tail_of(log: &Path) -> LogTail {
    LogTail::read(log, FileTrust::Strict, None, INSTANCE, &Default::default()).unwrap()
}

#[test]
fn a_part_of_a_line_is_blanked_out_and_nothing_else_is_touched() {
    let dir = Dir::new("tail");
    let log = dir.join("p.jsonl");
    let torn = &line(INSTANCE, 9)[..60];
    let foreign = &line(1, 9)[..60];
    let text = format!(
        "{}\n{torn}{}\n{foreign}\n{torn}\nnot ours\n{}\n{torn}",
        line(INSTANCE, 7),
        line(1, 8),
        line(INSTANCE, 8)
    );
    std::fs::write(&log, &text).unwrap();
    let tail = tail_of(&log);
    assert_eq!((tail.torn, tail.panics), (3, [7, 8].into()));
    let blank = " ".repeat(torn.len());
    assert_eq!(std::fs::read_to_string(&log).unwrap(), text.replace(torn, &blank));
    let again = tail_of(&log);
    assert_eq!(again.torn, 0);
}

#[test]
fn a_torn_end_is_blanked_out_also_when_another_process_appends_meanwhile() {
    use std::io::Write as _;
    let dir = Dir::new("growing");
    let log = dir.join("p.jsonl");
    let torn = &line(INSTANCE, 9)[..60];
    std::fs::write(&log, torn).unwrap();
    let (go_on, over) = std::sync::mpsc::channel::<()>();
    let mut other = std::fs::File::options().append(true).open(&log).unwrap();
    let appends = std::thread::spawn(move || {
        let mut lines = 0;
        // More often than the end is looked at.
        while over.recv_timeout(std::time::Duration::from_millis(3)).is_err() && lines < 1000 {
            writeln!(other, "{}", line(1, lines)).unwrap();
            lines += 1;
        }
        lines
    });
    let tail = tail_of(&log);
    go_on.send(()).unwrap();
    let appended = appends.join().unwrap();
    assert_eq!(tail.torn, 1);
    let text = std::fs::read_to_string(&log).unwrap();
    let is_json = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert_eq!(text.lines().filter(is_json).count() as u64, appended, "{text}");
    assert!(text.lines().count() as u64 <= appended + 1, "nothing else is in there");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage costs the slots that it hits, and no others.
    #[test]
    fn every_whole_slot_survives_damage_and_cuts(
        hits in prop::collection::vec((0..layout::file_bytes(SLOTS), 1_u8..), 0..6),
        cut in prop_oneof![Just(layout::file_bytes(SLOTS)), layout::SLOTS_AT..layout::file_bytes(SLOTS)],
    ) {
        let dir = Dir::new("damage");
        let (_live, _channel, path) = spool(&dir);
        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole[..cut].to_vec();
        let mut untouched: BTreeSet<u64> = (1..=3).collect();
        let mut header = true;
        for (at, change) in hits {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= change;
            }
            header &= at >= fixed::BYTES;
            if let Some(slot) = at.checked_sub(layout::SLOTS_AT) {
                // Slot 0 is the one that is being written.
                untouched.remove(&((slot / layout::SLOT_BYTES) as u64));
            }
        }
        let fits = |sequence: &u64| layout::SLOTS_AT + (*sequence as usize + 1) * layout::SLOT_BYTES <= cut;
        untouched.retain(fits);
        match read(&bytes) {
            Ok(contents) => {
                let found: BTreeSet<_> = sequences(&contents).into_iter().collect();
                prop_assert!(found.is_superset(&untouched), "{found:?} {untouched:?}");
                // Bytes that a record does not use may change without anybody noticing.
                prop_assert!(found.iter().all(|sequence| (1..=3).contains(sequence)), "{found:?}");
            }
            Err(_) => prop_assert!(!header || cut < fixed::BYTES),
        }
    }

    #[test]
    fn any_bytes_are_read_and_written_without_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        repair in 0_u8..8,
    ) {
        let mut input = seeds().remove(0).1;
        input[0] = repair;
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        read_and_write(&input);
    }
}

/// The seeds of the fuzz target, made from a real spool.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let dir = Dir::new("seeds");
    let (_live, _channel, path) = spool(&dir);
    let whole = std::fs::read(&path).unwrap();
    let all = Repair::Header as u8 | Repair::Facts as u8 | Repair::Slots as u8;
    let cut = &whole[..layout::SLOTS_AT + 2 * layout::SLOT_BYTES + 99];
    vec![
        ("whole", compact(&whole, 0)),
        ("repaired", compact(&whole, all)),
        ("cut", compact(cut, Repair::Slots as u8)),
        ("header", compact(&whole[..4096], Repair::Header as u8)),
    ]
}

/// `WRITE_SEEDS=1 cargo test -p panic-agent --lib committed_seeds` makes them again.
#[test]
fn committed_seeds_are_spools_of_this_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/spool");
    if std::env::var_os("WRITE_SEEDS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        seeds().into_iter().for_each(|(name, seed)| std::fs::write(folder.join(name), seed).unwrap());
    }
    for (name, fresh) in seeds() {
        let seed = std::fs::read(folder.join(name)).unwrap();
        read_and_write(&seed);
        let (seed, fresh) = (read(&expand(&seed)), read(&expand(&fresh)));
        let (seed, fresh) = (seed.unwrap(), fresh.unwrap());
        assert_eq!(sequences(&seed), sequences(&fresh), "{name}: see the comment above");
    }
}
