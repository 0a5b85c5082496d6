//! `agent-demo list`: the catalogue.

use std::process::ExitCode;

use agent_demo::catalogue;
use serde_json::json;

use super::Failure;

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
        let text = serde_json::to_string_pretty(&all).map_err(|error| Failure::new("cannot print", error))?;
        println!("{text}");
        return Ok(ExitCode::SUCCESS);
    }
    let width = catalogue::all().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    for (theme, scenarios) in catalogue::themes() {
        println!("{theme}");
        for scenario in scenarios {
            println!("  {:width$}  {}", scenario.name, scenario.summary);
        }
    }
    Ok(ExitCode::SUCCESS)
}
