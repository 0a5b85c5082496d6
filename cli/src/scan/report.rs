//! Everything that a scan found, as it is kept: `docs/schemas/scan.json` has the schema.
//!
//! Runs on: the main thread. Must not: change without a new version in `schema`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::engine::Read;
use super::rule::Rule;
use super::site::{Certainty, Finding, Site, SiteKind, Span};
use super::source_file::{Unread, fnv};
use super::workspace::{PackageName, Workspace};

/// Name and version of what is written.
pub(crate) const SCHEMA: &str = "panic-agent.scan/1";

/// See above.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) schema: String,
    pub(crate) engine: String,
    pub(crate) root: PathBuf,
    /// Of the repository, where there is one.
    pub(crate) commit: Option<String>,
    /// The program, where that was read in place of source.
    pub(crate) binary: Option<PathBuf>,
    pub(crate) build_id: Option<String>,
    pub(crate) packages: Vec<PackageName>,
    pub(crate) files: Vec<FileFacts>,
    pub(crate) sites: Vec<Site>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) unread: Vec<Unread>,
    /// Texts, for those who show lines.
    #[serde(skip)]
    pub(crate) texts: BTreeMap<String, String>,
}

/// A file as it was scanned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileFacts {
    pub(crate) path: String,
    /// FNV-1a of its bytes.
    pub(crate) hash: String,
    pub(crate) lines: usize,
}

impl Report {
    pub(super) fn new(workspace: &Workspace, read: Vec<Read>, unread: Vec<Unread>) -> Self {
        let mut report = Self {
            schema: SCHEMA.to_owned(),
            engine: "source".to_owned(),
            root: workspace.root.clone(),
            commit: commit(&workspace.root),
            binary: None,
            build_id: None,
            packages: workspace.packages.clone(),
            files: Vec::new(),
            sites: Vec::new(),
            findings: Vec::new(),
            unread,
            texts: BTreeMap::new(),
        };
        for Read { source, found } in read {
            let before = report.sites.len();
            report.files.push(FileFacts {
                path: source.name.clone(),
                hash: format!("{:016x}", source.hash),
                lines: source.text.lines().count(),
            });
            report.sites.extend(found.sites);
            report.findings.extend(found.findings.into_iter().map(|mut finding| {
                finding.site = finding.site.map(|site| site + before);
                finding
            }));
            if report.findings.last().is_some_and(|last| last.file == source.name) {
                report.texts.insert(source.name, source.text);
            }
        }
        report.abort_beside_catch(workspace);
        report.findings.sort_by(|a, b| (&a.file, a.span, a.rule).cmp(&(&b.file, b.span, b.rule)));
        report
    }

    /// Sites of a kind, those of tests aside.
    pub(crate) fn catches(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(|site| site.kind == SiteKind::Catch && !site.in_test)
    }

    fn abort_beside_catch(&mut self, workspace: &Workspace) {
        let catches = self.catches().count();
        if catches == 0 {
            return;
        }
        let manifest = std::fs::read_to_string(workspace.root.join("Cargo.toml")).unwrap_or_default();
        for (profile, line) in &workspace.aborting {
            let rule = Rule::AbortBesideCatch;
            let start: usize = manifest.split_inclusive('\n').take(*line as usize - 1).map(str::len).sum();
            let text = manifest.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
            let what = crate::story::words::count(catches as u64, "place");
            self.findings.push(Finding {
                rule,
                level: rule.default_level(),
                certainty: Certainty::Resolved,
                file: "Cargo.toml".to_owned(),
                span: Span {
                    line: *line,
                    column: 1,
                    end_line: *line,
                    end_column: super::source_file::number(text.chars().count() + 1),
                    start,
                    end: start + text.len(),
                },
                function: String::new(),
                message: format!("the profile `{profile}` aborts on a panic, and {what} of this workspace mean to catch one"),
                label: "nothing is caught in this profile".to_owned(),
                in_test: false,
                fingerprint: format!("{:016x}", fnv(format!("{}|{profile}", rule.id()).as_bytes())),
                site: None,
                allowed: None,
            });
        }
        if !workspace.aborting.is_empty() {
            self.texts.insert("Cargo.toml".to_owned(), manifest);
        }
    }
}

/// The commit that is checked out, where git knows one.
fn commit(root: &Path) -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| output.status.success() && !text.is_empty())
}
