//! `agent-demo verdicts --markdown`: the table of `docs/verdicts.md`.

use std::process::ExitCode;

use agent_demo::page;

use super::{Failure, print};

/// Prints the table.
pub(super) fn run() -> Result<ExitCode, Failure> {
    print(page::table().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
