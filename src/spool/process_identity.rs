//! Who a process is, so that another one can tell later whether it still lives: process id, start time, boot, and the
//! namespace in which the process id means something.
//!
//! Runs on: the thread that installs the agent, and recoveries. Must not: take a process id alone for an answer;
//! ids are used again, and each container has its own process 1.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::INFIX;
use crate::sys::own_file;

/// One process, of this boot of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) pid: u32,
    /// Start time in clock ticks since the boot; 0: not known.
    pub(crate) start_ticks: u64,
    /// Number of the boot; 0: not known.
    pub(crate) boot: u128,
    /// Inode number of its pid namespace; 0: not known.
    pub(crate) pid_namespace: u64,
}

/// What can be said of a process without asking for its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs, and has the file mapped, or that cannot be seen.
    Uses,
    /// It is gone, or it became another program.
    Gone,
    /// Its id belongs to another container than `/proc` shows. Nothing can be asked about it.
    Elsewhere,
}

impl Owner {
    /// The calling process.
    pub(crate) fn this_process() -> Self {
        Self {
            pid: std::process::id(),
            // Not by the id: `/proc` may show another namespace.
            start_ticks: start_ticks("self").unwrap_or(0),
            boot: boot().unwrap_or(0),
            pid_namespace: pid_namespace().unwrap_or(0),
        }
    }

    /// Whether this process still uses the file with this inode number.
    pub(crate) fn life(&self, inode: u64) -> Life {
        if self.boot != 0 && boot().is_some_and(|now| now != self.boot) {
            return Life::Gone;
        }
        if self.pid_namespace != 0 && shown_namespace() != Some(self.pid_namespace) {
            return Life::Elsewhere;
        }
        let process = self.pid.to_string();
        match start_ticks(&process) {
            None => Life::Gone,
            Some(ticks) if self.start_ticks != 0 && ticks != self.start_ticks => Life::Gone,
            // The same process; after an `exec` it is another program, without the mapping.
            Some(_) if maps(&process, inode) == Some(false) => Life::Gone,
            Some(_) => Life::Uses,
        }
    }
}

/// Field 22 of `/proc/<pid>/stat`. The name of the program, field 2, may hold anything, so the fields are
/// counted from its closing bracket. `None` when there is no such process, or it is a zombie.
fn start_ticks(process: &str) -> Option<u64> {
    let stat = own_file::read(format!("/proc/{process}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The pid namespace of this process.
fn pid_namespace() -> Option<u64> {
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    // `pid:[4026531836]`
    link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

/// The pid namespace whose ids `/proc` shows, if that is the one of this process: a container may have the `/proc` of
/// its host, in which its own ids name other processes.
fn shown_namespace() -> Option<u64> {
    let status = own_file::read("/proc/self/status").ok()?;
    let status = String::from_utf8_lossy(&status);
    // The ids of this process from the namespace of `/proc` down to its own.
    let mut ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_ascii_whitespace();
    ids.next()?;
    if ids.next().is_none() { pid_namespace() } else { None }
}

/// The boot of this system as one word; 0: not known.
pub(crate) fn boot_word() -> u64 {
    boot().map_or(0, |boot| (boot >> 64) as u64 ^ boot as u64)
}

fn boot() -> Option<u128> {
    let text = own_file::read("/proc/sys/kernel/random/boot_id").ok()?;
    let text = String::from_utf8_lossy(&text);
    u128::from_str_radix(&text.trim().replace('-', ""), 16).ok()
}

/// Whether a process (its id, or `self`) has a spool with this inode number mapped; `None` when its mappings may not be read.
///
/// The device is not compared: on some file systems the kernel prints another one here than `stat` tells.
pub(crate) fn maps(process: &str, inode: u64) -> Option<bool> {
    let maps = own_file::read(format!("/proc/{process}/maps")).ok()?;
    let maps = String::from_utf8_lossy(&maps);
    let inode = inode.to_string();
    let is_it = |line: &str| line.contains(INFIX) && line.split_ascii_whitespace().nth(4) == Some(&inode);
    Some(maps.lines().any(is_it))
}

/// The numbers that tell files apart.
pub(crate) fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_does_not_map_a_file_that_it_never_saw() {
        let this = Owner::this_process();
        assert!(this.start_ticks > 0 && this.boot != 0);
        assert_eq!(this.life(u64::MAX), Life::Gone);
    }

    #[test]
    fn another_start_time_another_boot_and_no_process_are_gone() {
        let this = Owner::this_process();
        assert_eq!(Owner { start_ticks: this.start_ticks + 1, ..this }.life(0), Life::Gone);
        assert_eq!(Owner { boot: this.boot ^ 1, ..this }.life(0), Life::Gone);
        assert_eq!(Owner { pid: u32::MAX - 1, ..this }.life(0), Life::Gone);
    }

    #[test]
    fn an_id_of_another_namespace_says_nothing_unless_the_boot_is_over() {
        let this = Owner::this_process();
        assert!(this.pid_namespace != 0 && shown_namespace() == Some(this.pid_namespace));
        let elsewhere = Owner { pid_namespace: this.pid_namespace ^ 1, ..this };
        assert_eq!(elsewhere.life(0), Life::Elsewhere);
        assert_eq!(Owner { pid: u32::MAX - 1, ..elsewhere }.life(0), Life::Elsewhere);
        assert_eq!(Owner { boot: this.boot ^ 1, ..elsewhere }.life(0), Life::Gone);
        assert_eq!(Owner { pid_namespace: 0, ..this }.life(0), this.life(0), "of an earlier build");
    }
}
