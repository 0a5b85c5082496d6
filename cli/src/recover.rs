//! `panic-agent recover`: writes down what dead processes left in their spools.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::Outcome;
use crate::failure::Failure;
use crate::story::words::count;

/// Arguments of `recover`.
#[derive(Args, Debug)]
pub(crate) struct RecoverArgs {
    /// Directory of the logs and of the spools beside them
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// An object; `panic-agent schema recover` describes it
    #[arg(long)]
    json: bool,
}

pub(crate) fn recover(args: &RecoverArgs) -> Outcome {
    let recovered =
        panic_agent::recovery::recover(&args.directory).map_err(|error| Failure::new(error.to_string()))?;
    let status = if recovered.left.is_empty() { 0 } else { 2 };
    if args.json {
        crate::screen::write_raw(json(&recovered).as_bytes())?;
        return Ok(status);
    }
    let mut text = format!(
        "{} of {} written down",
        count(recovered.panics, "panic"),
        count(recovered.processes, "dead process").replace("processs", "processes")
    );
    let mut say = |number: u64, what: &str| {
        if number > 0 {
            text.push_str(&format!(", {number} {what}"));
        }
    };
    say(recovered.known, "were in the log already");
    say(recovered.torn, "were not whole when the process died");
    say(recovered.in_use, "spools are still in use");
    text.push('\n');
    crate::screen::write_raw(text.as_bytes())?;
    for (spool, why) in &recovered.left {
        eprintln!("panic-agent: `{}` cannot be recovered and stays: {why}", spool.display());
    }
    Ok(status)
}

fn json(recovered: &panic_agent::recovery::Recovered) -> String {
    let left =
        recovered.left.iter().map(|(spool, why)| json!({ "spool": spool.display().to_string(), "why": why }));
    let value = json!({
        "schema": "panic-agent.recover/1",
        "processes": recovered.processes,
        "panics": recovered.panics,
        "known": recovered.known,
        "torn": recovered.torn,
        "in_use": recovered.in_use,
        "left": left.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}
