//! What a runner leaves of a test process, and what an audit makes of it: the runner does so once for its process, and
//! the parent again for the whole run.

use std::fs;
use std::path::{Path, PathBuf};

use panic_agent::Line;
use panic_agent::audit::{Audit, Auditor, Ending, binary_name};
use panic_agent::record::{LineContent, LineReader, TestLine};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::lines;
use crate::settings::Settings;

/// One test process.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Process {
    exe: PathBuf,
    /// Directory of the package under test.
    package: PathBuf,
    /// Name of the package; empty where cargo does not say.
    name: String,
    status: Option<i32>,
    signal: Option<i32>,
    /// The harness began and did not come to its end.
    unfinished: bool,
}

impl Process {
    /// File with the lines of the agent, in the directory of the process.
    pub(crate) const LINES: &str = "lines.jsonl";
    /// File with what the harness said.
    const SAID: &str = "said.jsonl";
    /// File with this.
    const FACTS: &str = "process.json";

    /// The process of a test binary, which cargo started with the variables of its package.
    pub(crate) fn new(exe: &Path, ending: Ending, unfinished: bool) -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let (status, signal) = match ending {
            Ending::Exited(status) => (Some(status), None),
            Ending::Signalled(signal) => (None, Some(signal)),
            _ => (None, None),
        };
        Self {
            exe: exe.to_owned(),
            package: package.or_else(|| std::env::current_dir().ok()).unwrap_or_default(),
            name: std::env::var("CARGO_PKG_NAME").unwrap_or_default(),
            status,
            signal,
            unfinished,
        }
    }

    pub(crate) fn exe(&self) -> &Path {
        &self.exe
    }

    pub(crate) fn package(&self) -> &Path {
        &self.package
    }

    pub(crate) fn ending(&self) -> Ending {
        match (self.status, self.signal) {
            (Some(status), _) => Ending::Exited(status),
            (None, Some(signal)) => Ending::Signalled(signal),
            (None, None) => Ending::Unknown,
        }
    }

    pub(crate) fn write(&self, place: &Path, said: &[TestLine]) -> Result<(), Failure> {
        let mut text = String::new();
        for line in said {
            text.push_str(
                &serde_json::to_string(line).map_err(|error| Failure::new(format!("said: {error}")))?,
            );
            text.push('\n');
        }
        put(&place.join(Self::SAID), text.as_bytes())?;
        let facts = serde_json::to_vec(self).map_err(|error| Failure::new(format!("facts: {error}")))?;
        put(&place.join(Self::FACTS), &facts)
    }

    /// The processes of a run, in the order of their starts. One that was killed with its runner has left no facts.
    pub(crate) fn all(run: &Path) -> Result<Vec<(PathBuf, Self)>, Failure> {
        let entries = fs::read_dir(run).map_err(|error| Failure::io("list", run, &error))?;
        let mut places: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        places.sort();
        let facts = |place: PathBuf| {
            let text = fs::read(place.join(Self::FACTS)).ok()?;
            Some((place, serde_json::from_slice(&text).ok()?))
        };
        Ok(places.into_iter().filter_map(facts).collect())
    }
}

fn put(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(|error| Failure::io("write", path, &error))
}

/// Audits one process; `None` when it left no lines.
pub(crate) fn audit(settings: &Settings, place: &Path, process: &Process) -> Result<Option<Audit>, Failure> {
    let name = binary_name(&process.name, &process.exe);
    let policy = settings.policy(&process.package)?;
    let mut auditor = Auditor::new(policy).binary(name).package(&process.package);
    let mut known = Vec::new();
    let observed = lines::read(&place.join(Process::LINES), |line| {
        if let LineContent::Line(Line::Test(test)) = &line {
            known.extend(test.name.clone());
        }
        auditor.line(line);
    })?;
    if !observed {
        return Ok(None);
    }
    let said = fs::read(place.join(Process::SAID)).unwrap_or_default();
    for line in LineReader::new(&said[..]) {
        let Ok(line) = line else { continue };
        // What the process noticed itself is the better word.
        let twice = matches!(&line.content, LineContent::Line(Line::Test(test))
            if test.name.as_ref().is_some_and(|name| known.contains(name)));
        if !twice {
            auditor.line(line.content);
        }
    }
    if process.unfinished {
        auditor = auditor.whole_output();
    }
    Ok(Some(auditor.finish(process.ending())))
}
