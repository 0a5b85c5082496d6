//! `agent-demo list`: the catalogue.

use std::process::ExitCode;

use agent_demo::catalogue;
use serde_json::json;

use super::{Failure, print, print_json};

/// Prints the scenarios, by theme.
pub(super) fn run(json: bool) -> Result<ExitCode, Failure> {
    if json {
        let all: Vec<_> = catalogue::all()
            .map(|scenario| {
                json!({
                    "name": scenario.name,
                    "summary": scenario.summary,
                    "situation": scenario.situation,
                    "twin": scenario.twin,
                })
            })
            .collect();
        print_json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = catalogue::all().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    for (theme, scenarios) in catalogue::themes() {
        print(theme)?;
        for scenario in scenarios {
            print(format_args!("  {:width$}  {}", scenario.name, scenario.summary))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
