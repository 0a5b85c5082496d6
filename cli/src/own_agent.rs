//! The agent in the tool itself. A tool that reads panics must not hide its own.
//!
//! Its lines reach a file only when the tool panics, so that a run without a fault leaves nothing behind.
//!
//! Runs on: the main thread (`install`), the agent's writer (the sink). Must not: write into a file that is meant for
//! the programs of the user.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use panic_agent::sink::EncodedLine;
use panic_agent::{Agent, AgentGuard, Line, Sink, Spool};

use crate::system;

/// Lines before the first panic that are kept.
const MAX_HELD: usize = 64 * 1024;

/// Observes the tool from now on. Variables of the agent are for the user's programs: where they name a file, the tool goes
/// without.
pub(crate) fn install() -> Option<AgentGuard> {
    if ["PANIC_AGENT_FILE", "PANIC_AGENT_SPOOL"].iter().any(|name| std::env::var_os(name).is_some()) {
        return None;
    }
    let sink = OwnLog { path: path()?, held: Vec::new(), file: None };
    let agent = Agent::builder()
        .sink(sink)
        .spool(Spool::Off)
        .service("panic-agent")
        .version(env!("CARGO_PKG_VERSION"));
    agent.install().ok()
}

/// `$XDG_STATE_HOME/panic-agent/panics.jsonl`, or what is like it elsewhere.
fn path() -> Option<PathBuf> {
    Some(system::state_directory()?.join("panic-agent").join("panics.jsonl"))
}

struct OwnLog {
    path: PathBuf,
    /// What came before the first panic.
    held: Vec<u8>,
    file: Option<File>,
}

impl Sink for OwnLog {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_all(line.json)?;
            return file.write_all(b"\n");
        }
        if matches!(line.line, Line::Panic(_)) {
            if let Some(directory) = self.path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            let mut file = system::append_own(&self.path)?;
            eprintln!("panic-agent: this is a fault of the tool; `{}` says more", self.path.display());
            file.write_all(&self.held)?;
            self.file = Some(file);
            return self.write(line);
        }
        if self.held.len() < MAX_HELD {
            self.held.extend_from_slice(line.json);
            self.held.push(b'\n');
        }
        Ok(())
    }
}
