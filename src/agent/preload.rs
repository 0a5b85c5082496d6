//! The agent of a process that does not know of it: installed by a library that the loader maps before the program.
//!
//! Runs on: the thread that starts the process, before `main`. Must not: fail the program; set a hook; read the
//! program's `PANIC_AGENT_*` variables, which are meant for an agent that the program has itself.

use core::ffi::CStr;
use std::path::PathBuf;

use super::builder::Agent;
use super::install;
use crate::config::Console;
use crate::error::Error;
use crate::files::FileTrust;
use crate::probe::{exported, foreign};
use crate::record::SoftError;

pub use crate::probe::exported::{
    pthread_create, pthread_detach, pthread_join, pthread_setname_np, raise_exception, set_ip,
};

/// Functions that the library exports under the names of probed ones.
pub type Exported = [(&'static CStr, usize); 6];

/// What the library knows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Preload {
    file: PathBuf,
    compiler: &'static str,
    exported: Exported,
    audited: bool,
}

impl Preload {
    /// Lines go to `file`; `compiler` is that of the library, as `.comment` sections say it.
    pub fn new(file: PathBuf, compiler: &'static str, exported: Exported) -> Self {
        Self { file, compiler, exported, audited: false }
    }

    /// Whether the program is a test harness whose tests are to be told apart.
    pub fn audited(mut self, audited: bool) -> Self {
        self.audited = audited;
        self
    }

    /// Installs the agent. It stays until the process ends.
    ///
    /// # Errors
    /// As for [`AgentBuilder::install`](crate::AgentBuilder::install).
    pub fn install(self) -> Result<(), Error> {
        foreign::switch_on(self.compiler);
        exported::are_exported(self.exported);
        let mut options = Agent::builder()
            .file(self.file)
            // The directory is the caller's choice, and the program's user may share it.
            .file_trust(FileTrust::Any)
            .console(Console::Previous)
            .spawn_places(true)
            .into_options();
        options.lacks.extend(lacks());
        let guard = install::install_with(options)?;
        // Its drop would only flush.
        core::mem::forget(guard);
        Ok(())
    }
}

/// What is not known of every panic of this program.
fn lacks() -> Option<SoftError> {
    let others = foreign::other_compilers();
    let detail = match others.as_slice() {
        [] => return None,
        [other] => format!("the program was built by {other}, and the agent by another compiler"),
        _ => format!("the program was built by several compilers: {}", others.join(", ")),
    };
    let detail = format!("{detail}: messages, payloads and places of panics are not read");
    Some(SoftError::new("message", "other_compiler", &detail))
}
