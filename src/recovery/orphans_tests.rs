//! Spools of dead processes: where they may lie, what a recovery that did not end left, and where lines are found.

use std::path::{Path, PathBuf};

use super::*;
use crate::channel::layout;
use crate::channel::layout::fixed;
use crate::files::FileTrust;
use crate::files::testing::Dir;
use crate::spool::tests::{INSTANCE, SLOTS, sequences, spool};
use crate::spool::*;

#[test]
fn a_link_in_a_directory_of_everybody_is_followed_only_where_any_place_is_trusted() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = Dir::new("links");
    let (shared, real) = (dir.join("shared"), dir.join("real"));
    std::fs::create_dir(&shared).unwrap();
    std::fs::create_dir(&real).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
    symlink(&real, shared.join("link")).unwrap();
    let place = |directory: &Path, trust| Place { directory: directory.to_owned(), log: None, trust };
    // Sticky: nobody can replace what is ours.
    assert_eq!(create(&place(&shared, FileTrust::Strict), [SLOTS; 2], INSTANCE).problem, None);
    let refused =
        create(&place(&shared.join("link"), FileTrust::Strict), [SLOTS; 2], INSTANCE).problem.unwrap();
    assert!(refused.contains("is a link in a directory"), "{refused}");
    assert!(refused.contains("PANIC_AGENT_FILE_TRUST=any"), "{refused}");
    assert_eq!(create(&place(&shared.join("link"), FileTrust::Any), [SLOTS; 2], INSTANCE).problem, None);
    let spool = find(&place(&real, FileTrust::Strict), true).unwrap().remove(0);
    let through = shared.join("link").join(spool.file_name().unwrap());
    let error = DeadSpool::open(&through, FileTrust::Strict).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{error}");
    assert!(matches!(DeadSpool::open(&through, FileTrust::Any).unwrap(), Search::InUse));
    // The twin of a spool with one name, which an agent may have in such a directory.
    let one = find(&place(&shared, FileTrust::Strict), true).unwrap().remove(0);
    std::fs::write(shared.join("p.spool-1"), std::fs::read(&one).unwrap()).unwrap();
    assert!(DeadSpool::open(&shared.join("p.spool-1"), FileTrust::Strict).is_ok());
    std::fs::hard_link(shared.join("p.spool-1"), dir.join("second")).unwrap();
    let error = DeadSpool::open(&shared.join("p.spool-1"), FileTrust::Strict).unwrap_err();
    assert!(error.to_string().contains("has a second name"), "{error}");
}

/// A copy of a spool, as if its process had died.
fn dead(dir: &Dir) -> PathBuf {
    let (_live, _channel, path) = spool(dir);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[fixed::PID..fixed::PID + 4].copy_from_slice(&(u32::MAX - 1).to_ne_bytes());
    let sum = crate::spool::checksums::header_checksum(&bytes);
    bytes[fixed::CHECKSUM..fixed::BYTES].copy_from_slice(&sum.to_ne_bytes());
    let copy = dir.join("dead.spool-4294967294");
    std::fs::write(&copy, bytes).unwrap();
    copy
}

#[test]
fn what_a_recovery_wrote_is_known_from_the_spool_alone_until_the_next_boot() {
    let dir = Dir::new("marked");
    let path = dead(&dir);
    let open = || match DeadSpool::open(&path, FileTrust::Strict).unwrap() {
        Search::Dead(dead) => dead,
        other => panic!("{other:?}"),
    };
    let first = open();
    assert_eq!((sequences(&first.contents), first.written_before().count()), (vec![1, 2, 3], 0));
    first.mark_written(first.contents.records[1].slot);
    drop(first);
    let second = open();
    // Still there, for the names and the last word.
    assert_eq!((sequences(&second.contents), second.contents.torn), (vec![1, 2, 3], 0));
    assert_eq!(second.written_before().collect::<Vec<_>>(), [2]);
    let slot = layout::SLOTS_AT + second.contents.records[1].slot as usize * layout::SLOT_BYTES;
    drop(second);
    // Another boot: it may have reached no disk.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[slot + layout::slot::RECOVERED_IN] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(open().written_before().count(), 0);
}

#[test]
fn lines_are_found_in_files_that_were_put_aside_and_not_in_foreign_ones() {
    let dir = Dir::new("archives");
    let log = dir.join("p.jsonl");
    let line =
        |number: u64| format!("{{\"schema\":1,\"kind\":\"panic\",\"id\":\"{INSTANCE:016x}-{number}\"}}\n");
    std::fs::write(&log, line(1)).unwrap();
    std::fs::write(dir.join("p.jsonl.1"), line(2)).unwrap();
    std::fs::write(dir.join("other.jsonl"), line(3)).unwrap();
    std::fs::write(dir.join("p.jsonl.3.gz"), "not compressed at all").unwrap();
    let tail = LogTail::read(&log, FileTrust::Strict, None, INSTANCE, &Default::default()).unwrap();
    let expected = [1, 2].into_iter().collect();
    assert_eq!((tail.panics, tail.torn), (expected, 0));
}
