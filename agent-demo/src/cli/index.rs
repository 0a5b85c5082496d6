//! `agent-demo index DIR`: the word index under the agent.
//!
//! Runs on: the main thread. Must not: know whether a worker died; it cannot.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use agent_demo::index;
use panic_agent::Agent;

use super::{Failure, agent_file, print, shown};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Directory of text files.
    directory: PathBuf,
    /// Workers; as many as there are processors when not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Write the index to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the agent writes, unless PANIC_AGENT_FILE says otherwise.
    #[arg(long, value_name = "FILE", default_value = "panics.jsonl")]
    panics: PathBuf,
}

/// Builds the index and prints what came of it, as if all were well.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let panics = agent_file(arguments.panics.clone());
    let _agent = Agent::builder()
        .file(&panics)
        .service("agent-demo-index")
        .install()
        .map_err(|error| Failure::new("cannot install the agent", error))?;
    let workers =
        arguments.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let directory = &arguments.directory;
    let index = index::build(directory, workers)
        .map_err(|error| Failure::new(format!("cannot index `{}`", shown(directory)), error))?;

    for skipped in &index.skipped {
        eprintln!("skipped {skipped}");
    }
    if let Some(path) = &arguments.out {
        write(&index, path)
            .map_err(|error| Failure::new(format!("cannot write `{}`", shown(path)), error))?;
    }
    print(format_args!("indexed {} words in {} files", index.words.len(), index.files))?;
    print(format_args!("if a worker had died, {} would say so", shown(&panics)))?;
    Ok(ExitCode::SUCCESS)
}

fn write(index: &index::Index, path: &PathBuf) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, index)?;
    file.write_all(b"\n")?;
    file.flush()
}
