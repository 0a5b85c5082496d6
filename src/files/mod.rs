//! Files that the agent appends to: how they are opened, and in which places.
//!
//! Runs on: the installing thread, the writer thread, and recoveries. Must not: write into a file that another user put there,
//! or follow a link that another user may have made.

mod appending;
#[cfg_attr(not(unix), path = "raw_fd_absent.rs")]
#[allow(unsafe_code)]
pub(crate) mod raw_fd;
#[cfg_attr(not(unix), path = "strict_absent.rs")]
mod strict;
pub(crate) mod syscalls;
mod trusted_path;
pub(crate) mod whole_line;

pub(crate) use appending::Appending;
pub use trusted_path::FileTrust;
pub(crate) use trusted_path::{Last, Resolved, is_own, own_alone, resolve, resolve_directory};
pub(crate) use whole_line::RawWrite;

/// File that receives the lines when nothing else was asked for.
pub(crate) const DEFAULT_FILE: &str = "panics.jsonl";

#[cfg(test)]
pub(crate) mod testing {
    //! A directory for one test, and a word about one that cannot run.

    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Past the capture of the test's output.
    pub(crate) fn skip(reason: &str) {
        std::io::Write::write_all(&mut std::io::stderr(), format!("SKIPPED: {reason}\n").as_bytes()).ok();
    }

    pub(crate) struct Dir(PathBuf);

    impl Dir {
        pub(crate) fn new(name: &str) -> Self {
            // Several tests, or one in turns, may choose the same name.
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            // Relaxed: it hands out numbers and publishes nothing.
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let own = format!("panic-agent-files-{name}-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(own);
            std::fs::remove_dir_all(&path).ok();
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl std::ops::Deref for Dir {
        type Target = Path;

        fn deref(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }
}
