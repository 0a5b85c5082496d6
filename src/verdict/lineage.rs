//! Who spawned a thread, and where.
//!
//! Runs on: the writer thread. Must not: claim a place that no name supports.

use crate::record::{Ancestor, SpawnPlace};
use crate::symbolize::{Namer, program_place};
use crate::verdict::Thread;

/// The parent of a thread that the probes saw start.
pub(crate) fn parent_of(child: &Thread, namer: &mut dyn Namer) -> Ancestor {
    let os_id = child.parent_tid;
    let name = std::fs::read_to_string(format!("/proc/self/task/{os_id}/comm")).ok();
    Ancestor {
        os_id,
        name: name.map(|name| namer.redact_thread_name(name.trim_end().to_owned())),
        spawned_at: spawned_at(&child.spawned_at, namer),
    }
}

fn spawned_at(ips: &[u64], namer: &mut dyn Namer) -> Option<SpawnPlace> {
    if ips.is_empty() {
        return None;
    }
    let place = program_place(&namer.name(ips));
    let crate::record::Place { function, file, line, .. } = namer.redact_place(place);
    Some(SpawnPlace { function, file, line })
}
