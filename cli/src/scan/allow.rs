//! `// panic-agent: allow(RULE) reason`, on the line of a finding or above it.
//!
//! Runs on: the threads that read files. Must not: accept one without a reason.

use super::rule::Rule;
use super::site::{Certainty, Finding, Span};
use super::source_file::{SourceFile, fnv, number};
use super::walk::Found;

const MARK: &str = "panic-agent: allow(";

/// A comment.
struct Comment {
    rules: Vec<Rule>,
    unknown: Vec<String>,
    reason: String,
    span: Span,
    /// Lines that it speaks of.
    lines: (u32, u32),
    used: bool,
}

/// Marks what is allowed, and finds fault with comments that allow nothing.
pub(super) fn apply(source: &SourceFile, found: &mut Found) {
    let mut comments = comments(&source.text);
    if comments.is_empty() {
        return;
    }
    for finding in &mut found.findings {
        let statement = finding
            .site
            .and_then(|site| found.sites.get(site))
            .map_or(finding.span.line, |site| site.value_span.line);
        let about = |comment: &Comment| {
            comment.rules.contains(&finding.rule)
                && [statement, finding.span.line]
                    .iter()
                    .any(|line| (comment.lines.0..=comment.lines.1).contains(line))
        };
        if let Some(comment) = comments.iter_mut().find(|comment| about(comment)) {
            comment.used = true;
            if !comment.reason.is_empty() {
                finding.allowed = Some(comment.reason.clone());
            }
        }
    }
    for comment in comments {
        let (rule, message) = match (&comment, comment.unknown.first()) {
            (_, Some(unknown)) => {
                (Rule::BareAllow, format!("there is no rule `{unknown}`; the rules are {}", Rule::ids()))
            }
            (comment, _) if comment.reason.is_empty() => {
                (Rule::BareAllow, "this comment gives no reason, and so allows nothing".to_owned())
            }
            (comment, _) if !comment.used => {
                (Rule::UnusedAllow, "nothing is found here that this comment would allow".to_owned())
            }
            _ => continue,
        };
        let key = format!(
            "{}|{}|{}",
            rule.id(),
            source.name,
            source.text.get(comment.span.start..comment.span.end).unwrap_or_default()
        );
        found.findings.push(Finding {
            rule,
            level: rule.default_level(),
            certainty: Certainty::Resolved,
            file: source.name.clone(),
            span: comment.span,
            function: String::new(),
            message,
            label: rule.help().to_owned(),
            in_test: false,
            fingerprint: format!("{:016x}", fnv(key.as_bytes())),
            site: None,
            allowed: None,
        });
    }
}

fn comments(text: &str) -> Vec<Comment> {
    let mut found = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut offset = 0;
    for (index, line) in lines.iter().enumerate() {
        let start = offset;
        offset += line.len();
        let Some(slashes) = line.find("//") else { continue };
        let Some(mark) = line.get(slashes..).and_then(|comment| comment.find(MARK)).map(|at| at + slashes)
        else {
            continue;
        };
        // Documentation that speaks of such comments, and texts with one in them, are none.
        let between = line.get(slashes + 2..mark).unwrap_or_default();
        let before = line.get(..slashes).unwrap_or_default();
        if !between.trim().is_empty() || before.matches('"').count() % 2 == 1 {
            continue;
        }
        let Some((names, reason)) = line.get(mark + MARK.len()..).and_then(|rest| rest.split_once(')'))
        else {
            continue;
        };
        let (mut rules, mut unknown) = (Vec::new(), Vec::new());
        for name in names.split(',').map(str::trim) {
            match Rule::from_id(name) {
                Some(rule) => rules.push(rule),
                None => unknown.push(name.to_owned()),
            }
        }
        let own = number(index + 1);
        let alone = before.trim().is_empty();
        let next = lines.iter().enumerate().skip(index + 1).find(|(_, line)| {
            let line = line.trim();
            !line.starts_with("//") && !line.starts_with("#[") && !line.is_empty()
        });
        let last = if alone { next.map_or(own, |(next, _)| number(next + 1)) } else { own };
        let trimmed = line.trim_end();
        found.push(Comment {
            rules,
            unknown,
            reason: reason.trim().to_owned(),
            span: Span {
                line: own,
                column: number(before.chars().count() + 1),
                end_line: own,
                end_column: number(trimmed.chars().count() + 1),
                start: start + slashes,
                end: start + trimmed.len(),
            },
            lines: (own, last),
            used: false,
        });
    }
    found
}
