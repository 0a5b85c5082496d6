//! The end of a process.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid};
use wait4::{ResourceUsage, Wait4 as _};

/// Bytes of a name that the kernel keeps.
const NAME_BYTES: usize = 15;

/// How a process ended.
pub(super) struct End {
    pub(super) status: ExitStatus,
    pub(super) usage: Option<ResourceUsage>,
    /// Whether it was called at its end as at its start: another name means another program, by `exec`.
    pub(super) kept_name: bool,
}

impl End {
    pub(super) fn status_dumped_core(&self) -> bool {
        self.status.core_dumped()
    }

    pub(super) fn signal_name(&self) -> Option<String> {
        let signal = self.status.signal()?;
        Some(signal_hook::low_level::signal_name(signal).map_or_else(|| format!("{signal}"), str::to_owned))
    }
}

/// Waits for it. As the first process of a container we are the parent of all whose parents are gone, and wait for these too.
pub(super) fn wait(process: Child, program: &Path) -> io::Result<End> {
    let Some(pid) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) else {
        return Err(io::Error::other("it has no process id"));
    };
    let first_name = name_of(program);
    let is_first = std::process::id() == 1;
    loop {
        // It stays a zombie meanwhile, and its name can be read.
        let whom = if is_first { WaitId::All } else { WaitId::Pid(pid) };
        match waitid(whom, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let kept_name = first_name == name(pid);
        if !is_first {
            let used = process.wait4()?;
            return Ok(End { status: used.status, usage: Some(used.rusage), kept_name });
        }
        let mut ended = None;
        while let Ok(Some((dead, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if dead == pid {
                ended = Some(ExitStatus::from_raw(status.as_raw()));
            }
        }
        if let Some(status) = ended {
            return Ok(End { status, usage: None, kept_name });
        }
    }
}

/// As the kernel calls it now.
fn name(pid: Pid) -> Option<Vec<u8>> {
    let name = std::fs::read(format!("/proc/{}/comm", pid.as_raw_nonzero())).ok()?;
    Some(name.strip_suffix(b"\n").unwrap_or(&name).to_vec())
}

/// As the kernel calls it from `exec` on, which closes our pipe before it gives the name.
fn name_of(program: &Path) -> Option<Vec<u8>> {
    let name = program.file_name()?.as_bytes();
    Some(name[..name.len().min(NAME_BYTES)].to_vec())
}
