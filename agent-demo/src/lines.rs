//! Reads back the file that the agent wrote.
//!
//! Runs on: the thread that checks. Must not: fail on a line it does not know; kinds are open.

use std::collections::HashMap;
use std::path::Path;
use std::{fs, io};

use panic_agent::Report;
use panic_agent::record::{
    Basis, EndLine, Fate, FindingLine, Handler, LossesLine, PanicId, Place, ProcessLine, Receipt,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The last word on a panic: the verdict in its own line, or in the latest `verdict` line with its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastWord {
    /// How it ended.
    pub fate: Fate,
    /// On what that rests.
    pub basis: Basis,
    /// Who received the payload.
    pub receipt: Receipt,
    /// Whether nothing in the program stopped it.
    pub uncaught: Option<bool>,
    /// Whether nobody found out.
    pub silent: Option<bool>,
    /// Whether it was received and dropped unread.
    pub swallowed: Option<bool>,
    /// Why the process aborts, or why something is unknown.
    pub reason: Option<String>,
    /// First panic of its chain.
    pub incident: PanicId,
    /// How it belongs to it.
    pub relation: Option<String>,
    /// Who stopped it.
    pub landing: Option<Handler>,
    /// Where the payload was read, or dropped unread by the program.
    pub received_at: Option<Place>,
    /// How often the payload was thrown again.
    pub hops: u32,
}

/// The lines of one file, by kind.
#[derive(Debug, Default)]
pub struct Lines {
    /// `panic` lines of panics that called a hook, in the order of the file.
    pub panics: Vec<Report>,
    /// `panic` lines of panics that called none.
    pub hookless: Vec<Report>,
    /// `end` lines.
    pub ends: Vec<EndLine>,
    /// `losses` lines.
    pub losses: Vec<LossesLine>,
    /// `process` lines.
    pub processes: Vec<ProcessLine>,
    /// `finding` lines.
    pub findings: Vec<FindingLine>,
    /// The last word on each panic, by its id.
    pub verdicts: HashMap<PanicId, LastWord>,
    /// Lines that are no JSON, or not what their kind promises, with the reason.
    pub malformed: Vec<String>,
    /// What follows the last line feed: the process ended in the middle of this line.
    pub torn: Option<String>,
}

impl Lines {
    /// Reads a file; one that does not exist has no lines.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Self {
        let mut lines = Self::default();
        let (whole, torn) = text.rsplit_once('\n').unwrap_or(("", text));
        lines.torn = (!torn.is_empty()).then(|| torn.to_owned());
        for line in whole.lines() {
            if let Err(error) = lines.add(line) {
                let start: String = line.chars().take(120).collect();
                lines.malformed.push(format!("{error}: {start}"));
            }
        }
        lines
    }

    fn add(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let value: Value = serde_json::from_str(line)?;
        let kind = value.get("kind").and_then(Value::as_str).map(str::to_owned);
        match kind.as_deref() {
            Some("panic") => {
                let report: Report = serde_json::from_value(value.clone())?;
                self.verdicts.insert(report.head.id, serde_json::from_value(value)?);
                if report.hook != Some(false) { self.panics.push(report) } else { self.hookless.push(report) }
            }
            Some("verdict") => {
                let word: LastWord = serde_json::from_value(value.clone())?;
                let id: PanicId = serde_json::from_value(value["id"].clone())?;
                self.verdicts.insert(id, word);
            }
            Some("process") => self.processes.push(serde_json::from_value(value)?),
            Some("finding") => self.findings.push(serde_json::from_value(value)?),
            Some("end") => self.ends.push(serde_json::from_value(value)?),
            Some("losses") => self.losses.push(serde_json::from_value(value)?),
            _ => {}
        }
        Ok(())
    }

    /// What the agent can do, as it says; `None` without a `process` line. A forked child says for itself that it can less, and
    /// may be the first to write.
    pub fn can(&self) -> Option<&[String]> {
        let is_child =
            |process: &&ProcessLine| process.soft_errors.iter().any(|error| error.code == "forked_child");
        self.processes.iter().find(|process| !is_child(process)).map(|process| process.can.as_slice())
    }

    /// The last word on a panic whose line was read.
    pub fn last_word(&self, report: &Report) -> Option<&LastWord> {
        self.verdicts.get(&report.head.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_malformed_and_an_unknown_kind_is_not() {
        let lines = Lines::parse("{\"kind\":\"panic\",\n{\"kind\":\"to_come\"}\n{\"kind\":\"end\"}\n");
        assert_eq!(lines.malformed.len(), 2, "{:?}", lines.malformed);
        assert!(lines.panics.is_empty() && lines.ends.is_empty() && lines.torn.is_none());
    }

    #[test]
    fn only_the_last_line_can_be_torn() {
        let lines = Lines::parse("{\"kind\":\"to_come\"}\n{\"kind\":\"pan");
        assert_eq!(lines.torn.as_deref(), Some("{\"kind\":\"pan"));
        assert_eq!(lines.malformed, [""; 0]);
    }

    #[test]
    fn the_last_verdict_stands() {
        let line = |fate: &str| {
            let id = "\"00000000000000ff-1\"";
            format!(
                "{{\"kind\":\"verdict\",\"id\":{id},\"fate\":\"{fate}\",\"basis\":\"predicted\",\
                 \"receipt\":\"pending\",\"incident\":{id},\"hops\":0}}\n"
            )
        };
        let lines = Lines::parse(&(line("caught") + &line("aborted")));
        assert_eq!(lines.malformed, [""; 0]);
        let words: Vec<Fate> = lines.verdicts.values().map(|word| word.fate).collect();
        assert_eq!(words, [Fate::Aborted]);
    }
}
