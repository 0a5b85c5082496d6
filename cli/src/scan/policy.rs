//! How much each rule matters here, and what is known already: options, `panic-audit.toml`, the baseline.
//!
//! Runs on: the main thread. Must not: go on with a policy that it does not understand.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use panic_agent::audit::POLICY_FILE;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::args::ScanArgs;
use super::rule::{Level, Rule};
use super::site::Finding;
use crate::failure::Failure;

/// Name of the baseline, unless the policy says otherwise.
const BASELINE: &str = "panic-scan-baseline.json";

/// See above.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    levels: HashMap<Rule, Level>,
    deny_warnings: bool,
    pub(crate) exclude: GlobSet,
    pub(crate) baseline: PathBuf,
}

#[derive(Default, Deserialize)]
struct File {
    scan: Option<Table>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    deny: Vec<Spanned<String>>,
    #[serde(default)]
    warn: Vec<Spanned<String>>,
    #[serde(default)]
    note: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    #[serde(default)]
    exclude: Vec<String>,
    baseline: Option<PathBuf>,
}

impl Policy {
    /// The file of a workspace, then the options.
    pub(crate) fn load(root: &Path, args: &ScanArgs) -> Result<Self, Failure> {
        let mut policy = Self { baseline: root.join(BASELINE), ..Self::default() };
        let mut excluded = args.exclude.clone();
        let places = [root.join(POLICY_FILE), root.join(".config").join(POLICY_FILE)];
        if let Some(path) = places.iter().find(|path| path.is_file()) {
            let text = fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?;
            let file: File = toml::from_str(&text).map_err(|error| {
                let line = error.span().map_or(1, |span| line(&text, span.start));
                Failure::new(format!("{}:{line}: {}", path.display(), error.message().replace('\n', ", ")))
            })?;
            let table = file.scan.unwrap_or_default();
            for (words, level) in [
                (&table.deny, Level::Deny),
                (&table.warn, Level::Warn),
                (&table.note, Level::Note),
                (&table.allow, Level::Allow),
            ] {
                for word in words {
                    let rule = Rule::from_id(word.get_ref()).ok_or_else(|| {
                        let line = line(&text, word.span().start);
                        Failure::new(format!(
                            "{}:{line}: there is no rule `{}`; the rules are {}",
                            path.display(),
                            word.get_ref(),
                            Rule::ids()
                        ))
                    })?;
                    policy.levels.insert(rule, level);
                }
            }
            excluded.extend(table.exclude);
            if let (Some(own), Some(directory)) = (table.baseline, path.parent()) {
                policy.baseline = directory.join(own);
            }
        }
        for (rules, level) in
            [(&args.allow, Level::Allow), (&args.warn, Level::Warn), (&args.deny, Level::Deny)]
        {
            for rule in rules {
                match rule {
                    Some(rule) => drop(policy.levels.insert(*rule, level)),
                    None => policy.deny_warnings = true,
                }
            }
        }
        if let Some(path) = &args.baseline {
            policy.baseline.clone_from(path);
        }
        let mut globs = GlobSetBuilder::new();
        for glob in excluded {
            globs.add(Glob::new(&glob).map_err(|error| Failure::new(format!("exclude `{glob}`: {error}")))?);
        }
        policy.exclude = globs.build().map_err(|error| Failure::new(error.to_string()))?;
        Ok(policy)
    }

    /// Gives a finding the level that it has here.
    pub(crate) fn judge(&self, finding: &mut Finding) {
        if let Some(level) = self.levels.get(&finding.rule) {
            finding.level = *level;
        }
        if self.deny_warnings && finding.level == Level::Warn {
            finding.level = Level::Deny;
        }
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// What is known and accepted: how often each fingerprint is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Baseline {
    schema: String,
    findings: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    fingerprint: String,
    count: usize,
    rule: Rule,
    file: String,
    function: String,
}

impl Baseline {
    /// The one of a file; an empty one where there is none.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                Failure::new(format!("{}:{}:{}: {error}", path.display(), error.line(), error.column()))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::io("read", path, &error)),
        }
    }

    /// Accepts what is in it; how many entries matched nothing.
    pub(crate) fn apply(&self, findings: &mut [Finding]) -> usize {
        let mut left: HashMap<&str, usize> =
            self.findings.iter().map(|entry| (entry.fingerprint.as_str(), entry.count)).collect();
        let whole = left.clone();
        for finding in findings {
            if let Some(count) = left.get_mut(finding.fingerprint.as_str())
                && *count > 0
                && finding.allowed.is_none()
            {
                *count -= 1;
                finding.allowed = Some("baseline".to_owned());
            }
        }
        left.iter().filter(|(fingerprint, count)| whole.get(*fingerprint) == Some(count)).count()
    }

    /// Writes all that is open; sorted, so that it merges well.
    pub(crate) fn write(path: &Path, findings: &[Finding]) -> Result<usize, Failure> {
        let mut entries: BTreeMap<(String, String, String), Entry> = BTreeMap::new();
        for finding in findings
            .iter()
            .filter(|finding| finding.is_open() || finding.allowed.as_deref() == Some("baseline"))
        {
            let key = (finding.file.clone(), finding.rule.id().to_owned(), finding.fingerprint.clone());
            let entry = entries.entry(key).or_insert_with(|| Entry {
                fingerprint: finding.fingerprint.clone(),
                count: 0,
                rule: finding.rule,
                file: finding.file.clone(),
                function: finding.function.clone(),
            });
            entry.count += 1;
        }
        let baseline = Self {
            schema: "panic-agent.scan-baseline/1".to_owned(),
            findings: entries.into_values().collect(),
        };
        let text =
            serde_json::to_string_pretty(&baseline).map_err(|error| Failure::new(error.to_string()))?;
        fs::write(path, text + "\n").map_err(|error| Failure::io("write", path, &error))?;
        Ok(baseline.findings.len())
    }
}
