//! Reads back the file that the agent wrote.
//!
//! Runs on: the thread that checks. Must not: fail on a line it does not know; kinds are open.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use panic_agent::{EndLine, LossesLine, Report};
use serde_json::Value;

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
    /// Latest fate of each panic, by its id: its own line, corrected by `verdict` lines.
    pub fates: HashMap<String, String>,
    /// Lines that are no JSON, or not what their kind promises, with the reason.
    pub malformed: Vec<String>,
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
        for line in text.lines() {
            if let Err(error) = lines.add(line) {
                let start: String = line.chars().take(120).collect();
                lines.malformed.push(format!("{error}: {start}"));
            }
        }
        lines
    }

    fn add(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let value: Value = serde_json::from_str(line)?;
        let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = field("kind");
        if let (Some("panic" | "verdict"), Some(id), Some(fate)) =
            (kind.as_deref(), field("id"), field("fate"))
        {
            self.fates.insert(id, fate);
        }
        match kind.as_deref() {
            Some("panic") => {
                let report: Report = serde_json::from_value(value)?;
                if report.hook { self.panics.push(report) } else { self.hookless.push(report) }
            }
            Some("end") => self.ends.push(serde_json::from_value(value)?),
            Some("losses") => self.losses.push(serde_json::from_value(value)?),
            _ => {}
        }
        Ok(())
    }

    /// Latest fate of a panic.
    pub fn fate_so_far(&self, report: &Report) -> &str {
        self.fates.get(&report.id.to_string()).map_or("?", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_malformed_and_an_unknown_kind_is_not() {
        let lines = Lines::parse("{\"kind\":\"panic\",\n{\"kind\":\"to_come\"}\n{\"kind\":\"end\"}\n");
        assert_eq!(lines.malformed.len(), 2, "{:?}", lines.malformed);
        assert!(lines.panics.is_empty() && lines.ends.is_empty());
    }

    #[test]
    fn a_later_verdict_corrects_the_fate() {
        let lines = Lines::parse(
            "{\"kind\":\"verdict\",\"id\":\"a\",\"fate\":\"caught\"}\n\
             {\"kind\":\"verdict\",\"id\":\"a\",\"fate\":\"aborted\"}\n",
        );
        assert_eq!(lines.fates["a"], "aborted");
    }
}
