//! Who ships inside a program stays out of its way.
//!
//! Runs on: the thread of a destination, when it starts.

/// Steps below the rest of the process. At the very lowest (19), a machine whose processors were all busy let it send nothing for
/// minutes; ten steps are about a tenth of the share of another thread.
#[cfg(target_os = "linux")]
const STEPS: i32 = 10;

/// Puts the thread behind the others; the rest of the process stays as it is.
#[cfg(target_os = "linux")]
pub(crate) fn lower() {
    // Linux takes the id of a thread here.
    let own = Some(rustix::thread::gettid());
    let now = rustix::process::getpriority_process(own).unwrap_or(0);
    // A thread that may not is one that ships all the same.
    let _lowered = rustix::process::setpriority_process(own, (now + STEPS).min(19));
}

/// Elsewhere a priority is that of the whole process, which is not ours to change.
#[cfg(not(target_os = "linux"))]
pub(crate) fn lower() {}
