//! Annotations of GitHub Actions: workflow commands that the runner finds in the output.
//!
//! Runs on: threads that audit. Must not: let a message end its command and begin another.
//! Source: GitHub's documentation, "Workflow commands for GitHub Actions"; the escaping is that of its toolkit.

use std::fmt::Write as _;
use std::path::Path;

use super::blocks::{Block, blocks};
use super::one_line;
use crate::audit::{Audit, Level};
use crate::symbolize::with_slashes;

/// Annotations of one kind that GitHub shows of a step.
const MAX: usize = 10;

impl Audit {
    /// `::error …::` for each denied finding and `::warning …::` for each other one, of which GitHub shows ten each; empty
    /// without findings. Findings of one class at one place are one, with their tests named. `repository` is the directory that absolute paths are made relative to (`GITHUB_WORKSPACE`), and
    /// `root` the one that relative ones start from: that of the workspace.
    pub fn github(&self, repository: Option<&Path>, root: Option<&Path>) -> String {
        let mut text = String::new();
        for level in [Level::Deny, Level::Warn] {
            let of_level = self.findings.iter().filter(|finding| finding.level == level);
            for block in blocks(of_level).iter().take(MAX) {
                annotation(&mut text, block, repository, root);
            }
        }
        text
    }
}

fn annotation(text: &mut String, block: &Block<'_>, repository: Option<&Path>, root: Option<&Path>) {
    let finding = block.first();
    let command = if finding.level == Level::Deny { "error" } else { "warning" };
    let mut properties = Vec::new();
    if let Some(place) = &finding.place {
        // Files outside of the repository have no page to put the annotation on.
        if let Some(file) = place.file.as_deref().and_then(|file| in_repository(file, repository, root)) {
            properties.push(format!("file={}", property(&file)));
            properties.extend(place.line.map(|line| format!("line={line}")));
            properties.extend(finding.column.map(|column| format!("col={column}")));
        }
    }
    properties.push(format!("title={}", property(&format!("panic-agent: {}", finding.class))));
    let test = match block.tests() {
        Some(tests) if block.len() > 1 => format!("{} tests: {tests};", block.len()),
        Some(test) => format!("test {test}"),
        None => "a test".to_owned(),
    };
    let mut message = format!("{} ({test} of {})", finding.class.meaning(), finding.binary);
    if let Some(said) = block.message() {
        message.push_str(": ");
        message.push_str(&one_line(&said));
    }
    // Writing to a string cannot fail.
    let _written = writeln!(text, "::{command} {}::{}", properties.join(","), data(&message));
}

fn in_repository(file: &str, repository: Option<&Path>, root: Option<&Path>) -> Option<String> {
    let path = Path::new(file);
    let whole = if path.has_root() { path.to_owned() } else { root?.join(path) };
    match repository {
        Some(repository) => Some(with_slashes(whole.strip_prefix(repository).ok()?.to_str()?).into_owned()),
        None => (!path.has_root()).then(|| with_slashes(file).into_owned()),
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
