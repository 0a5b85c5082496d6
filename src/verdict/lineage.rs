//! Who spawned a thread, and where.
//!
//! Runs on: the writer thread. Must not: claim a place that no name supports.

use crate::record::{Ancestor, Inlining, NamedFrame, Place, SpawnPlace};
use crate::symbolize::{Namer, is_of_std, program_place, unnamed};
use crate::sys::own_file;
use crate::verdict::Thread;

/// The parent of a thread that the probes saw start.
pub(crate) fn parent_of(child: &Thread, namer: &mut dyn Namer) -> Ancestor {
    let os_id = child.parent_tid;
    let name = own_file::read(format!("/proc/self/task/{os_id}/comm")).ok();
    let name = name.and_then(|name| String::from_utf8(name).ok());
    Ancestor {
        os_id,
        name: name.map(|name| namer.redact_thread_name(name.trim_end().to_owned())),
        spawned_at: spawned_at(&child.spawned_at, namer),
    }
}

/// Whether a `thread::scope` may have spawned the first of these threads, each of which is the parent of the one before:
/// the scope will speak of its death unless the program joins it.
///
/// Names tell, unless it is not known what was inlined. Then a scope whose stack this is would catch what its body raises;
/// and where the tables show no such catch, the spawning thread could still have been given a scope by the one that
/// spawned it. A thread that started unseen although starts are noted may be anybody's.
pub(crate) fn may_be_of_scope<'a>(
    line: impl IntoIterator<Item = &'a Thread>,
    starts_are_noted: bool,
    namer: &mut dyn Namer,
) -> bool {
    let mut line = line.into_iter().enumerate().peekable();
    while let Some((generation, thread)) = line.next() {
        // Nobody asked where threads are spawned, or not yet when this ancestor was.
        if thread.spawned_at.is_empty() {
            return generation > 0 || starts_are_noted;
        }
        match names_scope(&thread.spawned_at, namer) {
            Some(named) => return named,
            None if !namer.catches_at_root_only(&thread.spawned_at) => return true,
            None if line.peek().is_none() => return thread.parent_tid != std::process::id(),
            None => {}
        }
    }
    starts_are_noted
}

/// Whether the names of a spawning stack tell of a scope; `None` where one may be inlined into what has a name.
fn names_scope(spawned_at: &[u64], namer: &mut dyn Namer) -> Option<bool> {
    let frames = namer.name(spawned_at);
    let is_known = |frame: &&NamedFrame| frame.inlining == Inlining::Known;
    // libtest spawns threads, too, and none in a scope.
    let spawns = |frame: &NamedFrame| !is_of_std(frame) || frame.path.starts_with("test::");
    // The innermost frames may be the system's, which have no names of std.
    let first = frames.iter().position(is_of_std).unwrap_or(frames.len());
    let outward = || frames.iter().skip(first);
    let mut within = outward().take_while(|frame| !is_known(frame) || !spawns(frame));
    if within.any(|frame| frame.path.starts_with("std::thread::scoped::")) {
        return Some(true);
    }
    outward().take_while(is_known).any(spawns).then_some(false)
}

fn spawned_at(ips: &[u64], namer: &mut dyn Namer) -> Option<SpawnPlace> {
    if ips.is_empty() {
        return None;
    }
    let place = place_of(ips, namer);
    let Place { function, file, line, stack, .. } = namer.redact_place(place);
    Some(SpawnPlace { function, file, line, stack })
}

/// The program's place on a short stack, with the addresses where a name is missing.
pub(super) fn place_of(ips: &[u64], namer: &mut dyn Namer) -> Place {
    let frames = namer.name(ips);
    Place { stack: unnamed(ips, &frames, namer), ..program_place(&frames) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fake_names::FakeNames;

    const SCOPE: u64 = 1;
    const STD: u64 = 2;
    const PROGRAM: u64 = 3;
    /// A function of the program, and what was inlined into it is not known.
    const PHYSICAL: u64 = 4;
    /// Something catches there.
    const CATCH: u64 = 5;
    const LIBTEST: u64 = 6;

    fn names() -> FakeNames {
        let name = |ip| {
            let (path, inlining) = match ip {
                SCOPE => ("std::thread::scoped::Scope::spawn", Inlining::Unknown),
                STD => ("std::thread::spawn", Inlining::Known),
                PROGRAM => ("app::run", Inlining::Known),
                LIBTEST => ("test::run_test", Inlining::Known),
                _ => ("app::main", Inlining::Unknown),
            };
            NamedFrame { path: path.to_owned(), inlining, ..NamedFrame::default() }
        };
        FakeNames { newest: 0, name, catches: |ip| ip == CATCH, is_c: |_| false }
    }

    /// Spawning stacks of a thread, its parent, and so on; the last was spawned by the main thread.
    fn may_be(line: &[&[u64]]) -> bool {
        asked(line, std::process::id(), true)
    }

    /// The same, told who spawned the last and whether starts are noted.
    fn asked(line: &[&[u64]], spawner: u32, noted: bool) -> bool {
        let thread = |stack: &&[u64]| Thread {
            parent_tid: spawner,
            spawned_at: Box::from(*stack),
            ..Thread::default()
        };
        let line: Vec<Thread> = line.iter().map(thread).collect();
        may_be_of_scope(&line, noted, &mut names())
    }

    #[test]
    fn names_tell_of_a_scope_where_nothing_is_missing() {
        assert!(may_be(&[&[SCOPE, PROGRAM]]));
        assert!(!may_be(&[&[STD, PROGRAM, CATCH]]), "whatever catches further out");
        assert!(may_be(&[&[STD, PHYSICAL, SCOPE, PROGRAM]]), "it may be the physical one's");
        assert!(!may_be(&[&[STD, LIBTEST, CATCH]]), "the thread of a test");
    }

    #[test]
    fn a_thread_that_started_unseen_may_be_anybodys_unless_nobody_asked() {
        for unseen in [&[][..], &[&[][..]][..], &[&[STD, PHYSICAL][..], &[]][..]] {
            assert!(may_be(unseen), "{unseen:?}");
        }
        assert!(!asked(&[], std::process::id(), false));
        assert!(!asked(&[&[]], std::process::id(), false));
    }

    #[test]
    fn where_names_are_missing_a_stack_on_which_nothing_catches_has_no_scope() {
        assert!(!may_be(&[&[STD, PHYSICAL]]));
        assert!(may_be(&[&[STD, PHYSICAL, CATCH]]));
        assert!(
            asked(&[&[STD, PHYSICAL]], std::process::id() + 1, true),
            "who knows who spawned that thread"
        );
    }

    #[test]
    fn a_thread_may_have_been_given_the_scope_that_spawned_it() {
        assert!(may_be(&[&[STD, PHYSICAL], &[STD, PHYSICAL, CATCH]]));
        assert!(!may_be(&[&[STD, PHYSICAL], &[STD, PHYSICAL]]));
        assert!(!may_be(&[&[STD, PHYSICAL], &[STD, PROGRAM]]), "none spawned it");
    }
}
