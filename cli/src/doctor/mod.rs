//! `panic-agent doctor`: what an agent will and will not see in a program, why, and the one thing to change.
//!
//! Reading order: this file (the command), `binary` (what the file of a program tells), `process` (what a running process
//! tells), `cargo` (what a workspace will build), `machine` (what is the same for all programs here).
//!
//! Runs on: the main thread. Must not: start the program, or write anywhere.

mod binary;
mod cargo;
mod machine;
mod process;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::Outcome;
use crate::failure::Failure;
use crate::program;
use crate::screen::{Paint, Screen, ScreenArgs, one_line};

/// Name and version of the JSON.
const SCHEMA: &str = "panic-agent.doctor/1";

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// A program, or the id of a running process; the machine alone when not given
    #[arg(value_name = "BINARY|PID")]
    subject: Option<PathBuf>,
    /// Check what the workspace in a directory will build, by its manifests [default directory: the working directory]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".", conflicts_with = "subject")]
    cargo: Option<PathBuf>,
    /// Directory of the log, which is checked; the working directory when not given
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// An object; `panic-agent schema doctor` describes it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    screen: ScreenArgs,
}

/// What a fact costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Nothing.
    Fine,
    /// Some of the truth.
    Less,
    /// Panics, or nearly all that could be told of them.
    Blind,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Less => "less",
            Self::Blind => "blind",
        }
    }

    fn paint(self) -> Paint {
        match self {
            Self::Fine => Paint::Fine,
            Self::Less => Paint::Warning,
            Self::Blind => Paint::Alarm,
        }
    }

    /// Status of the command.
    fn status(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Less => 1,
            Self::Blind => 3,
        }
    }
}

/// A fact, what it costs, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) found: String,
    pub(crate) costs: Option<String>,
    pub(crate) change: Option<String>,
}

impl Check {
    pub(crate) fn fine(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, severity: Severity::Fine, found: found.into(), costs: None, change: None }
    }

    pub(crate) fn less(name: &'static str, found: impl Into<String>, costs: &str, change: &str) -> Self {
        Self::bad(Severity::Less, name, found.into(), costs, change)
    }

    pub(crate) fn blind(name: &'static str, found: impl Into<String>, costs: &str, change: &str) -> Self {
        Self::bad(Severity::Blind, name, found.into(), costs, change)
    }

    fn bad(severity: Severity, name: &'static str, found: String, costs: &str, change: &str) -> Self {
        Self { name, severity, found, costs: Some(costs.to_owned()), change: Some(change.to_owned()) }
    }
}

pub(crate) fn doctor(args: &DoctorArgs) -> Outcome {
    let mut checks = machine::checks(args.log_dir.as_deref());
    let subject = match (&args.subject, &args.cargo) {
        (None, None) => "this machine".to_owned(),
        (None, Some(directory)) => {
            let (root, found) = cargo::checks(directory)?;
            checks.extend(found);
            format!("workspace {}", root.display())
        }
        (Some(subject), _) => {
            let pid =
                subject.to_str().and_then(|text| text.parse::<u32>().ok()).filter(|_| !subject.exists());
            if let Some(pid) = pid {
                checks.extend(process::checks(pid)?);
                format!("process {pid}")
            } else {
                let path = program::find(subject).filter(|path| path.exists());
                let path =
                    path.ok_or_else(|| Failure::new(format!("there is no program `{}`", subject.display())))?;
                checks.extend(binary::checks(&path, true)?);
                path.display().to_string()
            }
        }
    };
    let worst = checks.iter().map(|check| check.severity).max().unwrap_or(Severity::Fine);
    if args.json {
        crate::screen::write_raw(json(&subject, worst, &checks)?.as_bytes())?;
    } else {
        let mut screen = Screen::open(&args.screen, true);
        screen.write(&text(&subject, worst, &checks))?;
    }
    Ok(worst.status())
}

fn text(subject: &str, worst: Severity, checks: &[Check]) -> String {
    let mut out = format!("{}\n\n", Paint::Strong.on(one_line(subject)));
    for check in checks {
        let mark = check.severity.paint().on(format!("{:5}", check.severity.word()));
        out.push_str(&format!("{mark}  {:14} {}\n", check.name, one_line(&check.found)));
        for (key, value) in [("costs", &check.costs), ("change", &check.change)] {
            if let Some(value) = value {
                out.push_str(&format!(
                    "{:22}{} {}\n",
                    "",
                    Paint::Faint.on(format!("{key:6}")),
                    one_line(value)
                ));
            }
        }
    }
    let verdict = match worst {
        Severity::Fine => "Nothing here limits what an agent can see.",
        Severity::Less => "Panics will be seen, with less detail: see the lines marked `less`.",
        Severity::Blind => {
            "Panics will not be seen, or almost nothing will be known of them: see the lines marked `blind`."
        }
    };
    out.push_str(&format!("\n{verdict}\n"));
    out
}

fn json(subject: &str, worst: Severity, checks: &[Check]) -> Result<String, Failure> {
    let check = |check: &Check| {
        json!({
            "check": check.name,
            "severity": check.severity.word(),
            "found": check.found,
            "costs": check.costs,
            "change": check.change,
        })
    };
    let checks: Vec<_> = checks.iter().map(check).collect();
    let value = json!({ "schema": SCHEMA, "subject": subject, "worst": worst.word(), "checks": checks });
    let text = serde_json::to_string_pretty(&value).map_err(|error| Failure::new(error.to_string()))?;
    Ok(text + "\n")
}

/// A path that people read.
fn shown(path: &Path) -> String {
    format!("`{}`", path.display())
}
