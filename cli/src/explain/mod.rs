//! `panic-agent explain`: why the verdict on a panic is what it is, step by step, and what could not be seen.
//!
//! Reading order: this file (the command), `steps` (the chain), `evidence` (what the agent saw, in words), `unseen` (what is missing, and how to see it),
//! `counterfactual` (what another verdict would need).
//!
//! Runs on: the main thread. Must not: claim evidence that is not in the lines.

mod counterfactual;
mod evidence;
mod steps;
mod unseen;

use clap::Args;
use panic_agent::Report;
use serde_json::json;

use crate::Outcome;
use crate::failure::Failure;
use crate::screen::{Paint, Screen, ScreenArgs, clean, one_line};
use crate::story::{Gather, Incident, InputArgs, Log, Process, Story, Told, Word, words};

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Id of a panic or an incident, or the beginning of one; `last` for the newest, `last-silent` for the newest that is silent
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    input: InputArgs,
    /// An object; `panic-agent schema explain` describes it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    screen: ScreenArgs,
}

/// Name and version of the JSON.
const SCHEMA: &str = "panic-agent.explain/1";
/// Bound for what waits.
const BYTES: usize = 96 << 20;

/// One piece of evidence, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Which field or line it is from.
    pub(crate) from: &'static str,
    pub(crate) text: String,
}

/// Everything about one panic.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) verdict: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) rule: String,
    pub(crate) otherwise: Vec<String>,
    pub(crate) unseen: Vec<Step>,
}

impl Explanation {
    pub(crate) fn of(told: &Told, incident: &Incident, process: Option<&Process>) -> Self {
        Self {
            verdict: verdict(&told.word),
            steps: steps::steps(told, incident, process),
            rule: steps::rule(told, incident),
            otherwise: counterfactual::otherwise(told),
            unseen: unseen::unseen(told, process),
        }
    }
}

pub(crate) fn explain(args: &ExplainArgs) -> Outcome {
    let mut log = Log::new(args.input.inputs()?);
    let mut gather = Gather::new(BYTES);
    let mut found: Option<Incident> = None;
    let latest = args.id.starts_with("last");
    if !latest {
        log = log.of_process(&args.id);
    }
    for entry in log.by_ref() {
        gather.take(entry);
        while let Some(story) = gather.overflow() {
            keep(story, args, latest, &mut found)?;
        }
    }
    while let Some(story) = gather.pop() {
        keep(story, args, latest, &mut found)?;
    }
    log.complaints.finish();
    let Some(incident) = found else {
        return Err(Failure::new(format!(
            "no panic `{}` in the files that were read; `panic-agent view --oneline` has the ids",
            args.id
        )));
    };
    let process = gather.process(incident.id.instance());
    let wanted = |told: &&Told| told.id.to_string().starts_with(&args.id) && !latest;
    let silent = |told: &&Told| args.id == "last-silent" && told.is_silent();
    let told = incident.panics.iter().find(wanted).or_else(|| incident.panics.iter().find(silent));
    let Some(told) = told.or_else(|| incident.root()) else { return Ok(0) };
    let explanation = Explanation::of(told, &incident, process);
    if args.json {
        crate::screen::write_raw(json(told, &explanation)?.as_bytes())?;
    } else {
        let mut screen = Screen::open(&args.screen, true);
        screen.write(&text(told, &explanation, screen.width()))?;
    }
    Ok(log.complaints.status())
}

fn keep(story: Story, args: &ExplainArgs, latest: bool, found: &mut Option<Incident>) -> Result<(), Failure> {
    let Story::Incident(incident) = story else { return Ok(()) };
    if latest {
        if args.id == "last" || (args.id == "last-silent" && incident.is_silent()) {
            *found = Some(incident);
        }
        return Ok(());
    }
    let is = incident.panics.iter().any(|told| told.id.to_string().starts_with(&args.id));
    if !is && !incident.id.to_string().starts_with(&args.id) {
        return Ok(());
    }
    if let Some(other) = found
        && incident.id.to_string() != args.id
        && other.id != incident.id
    {
        // An exact id wins over the beginning of a longer one (`…-1` and `…-12`).
        let exact = |incident: &Incident| incident.panics.iter().any(|told| told.id.to_string() == args.id);
        match (exact(other), exact(&incident)) {
            (true, _) => return Ok(()),
            (_, true) => {}
            _ => {
                let text =
                    format!("`{}` matches several ids, such as {} and {}", args.id, other.id, incident.id);
                return Err(Failure::new(text));
            }
        }
    }
    *found = Some(incident);
    Ok(())
}

/// The verdict in the words of the schema.
fn verdict(word: &Word) -> String {
    let yes = |value: Option<bool>, name: &str| match value {
        Some(true) => format!(", {name}"),
        Some(false) => String::new(),
        None => format!(", {name} not known"),
    };
    format!(
        "{}, {}{}{} ({})",
        words::schema_word(word.fate),
        words::schema_word(word.receipt),
        yes(word.silent, "silent"),
        yes(word.swallowed, "swallowed"),
        words::schema_word(word.basis)
    )
}

fn text(told: &Told, explanation: &Explanation, width: Option<usize>) -> String {
    let mut out = String::new();
    let message = crate::view::tale::message(told);
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line(&format!("{} {}", Paint::Strong.on(told.id), message));
    line(&format!("verdict  {}", crate::view::tale::paint(&told.word).on(&explanation.verdict)));
    line(&format!(
        "         {}, stopped {}; {}",
        words::fate(&told.word),
        clean(&words::stopped(&told.word)),
        clean(&words::error(told))
    ));
    line("");
    line(&Paint::Strong.on("Evidence, in the order in which it came"));
    for (number, step) in explanation.steps.iter().enumerate() {
        line(&format!("{:>3}. {}", number + 1, wrap(&one_line(&step.text), width, 5)));
        line(&format!("     {}", Paint::Faint.on(step.from)));
    }
    line("");
    line(&format!(
        "{}\n     {}",
        Paint::Strong.on("The rule that decided"),
        wrap(&one_line(&explanation.rule), width, 5)
    ));
    line("");
    line(&Paint::Strong.on("What would change the verdict"));
    for other in &explanation.otherwise {
        line(&format!("   - {}", wrap(&one_line(other), width, 5)));
    }
    line("");
    line(&Paint::Strong.on("What could not be seen"));
    if explanation.unseen.is_empty() {
        line("   nothing that matters for this verdict");
    }
    for step in &explanation.unseen {
        line(&format!(
            "   - {} {}",
            wrap(&one_line(&step.text), width, 5),
            Paint::Faint.on(format!("({})", step.from))
        ));
    }
    out
}

/// Breaks a text at spaces.
fn wrap(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width else { return text.to_owned() };
    let (mut out, mut column) = (String::new(), indent);
    for word in text.split(' ') {
        let len = word.chars().count();
        if column > indent && column + 1 + len > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out
}

fn json(told: &Told, explanation: &Explanation) -> Result<String, Failure> {
    let steps = |steps: &[Step]| -> Vec<_> {
        steps.iter().map(|step| json!({ "from": step.from, "text": step.text })).collect()
    };
    let value = json!({
        "schema": SCHEMA,
        "id": told.id.to_string(),
        "verdict": explanation.verdict,
        "fate": told.word.fate,
        "receipt": told.word.receipt,
        "basis": told.word.basis,
        "silent": told.word.silent,
        "swallowed": told.word.swallowed,
        "steps": steps(&explanation.steps),
        "evidence": told.word.evidence,
        "rule": explanation.rule,
        "otherwise": explanation.otherwise,
        "unseen": steps(&explanation.unseen),
        "prediction": told.report.as_deref().map(|report: &Report| &report.prediction),
    });
    let text = serde_json::to_string_pretty(&value).map_err(|error| Failure::new(error.to_string()))?;
    Ok(text + "\n")
}
