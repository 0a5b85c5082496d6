//! Holds what was found in a file against what the compiler said of it: guesses become certain or fall away, and what no name
//! gave away is found.
//!
//! Runs on: the threads that read files. Must not: drop a finding where the code was not compiled.

use std::collections::HashSet;

use super::facts::{Dropped, FileFacts, Position};
use crate::scan::becomes::how_label;
use crate::scan::flow::is_looked_after;
use crate::scan::kind::Runner;
use crate::scan::record::{fingerprint, level};
use crate::scan::rule::Rule;
use crate::scan::show::short;
use crate::scan::site::{Becomes, Certainty, Finding, Site, SiteKind, Span};
use crate::scan::source_file::SourceFile;
use crate::scan::walk::{Found, Role};

/// Longest text of a call.
const MAX_CALL: usize = 60;

/// See above. Runs before comments are applied, so that these allow what is found here, too.
pub(in crate::scan) fn confirm(facts: &FileFacts, file: &SourceFile, role: &Role, found: &mut Found) {
    let mut gone = HashSet::new();
    for (number, finding) in found.findings.iter_mut().enumerate() {
        if finding.rule != Rule::DroppedHandle || finding.certainty == Certainty::Resolved {
            continue;
        }
        let dropped = facts.dropped.get(&start(&finding.span)).filter(|dropped| !dropped.in_macro);
        let is_other = match dropped {
            Some(Dropped { handle: Some(runner), .. }) => {
                finding.message = message(*runner);
                finding.certainty = Certainty::Resolved;
                finding.level = level(finding.rule, finding.certainty, finding.in_test);
                if let Some(site) = finding.site.and_then(|site| found.sites.get_mut(site)) {
                    site.certainty = Certainty::Resolved;
                }
                false
            }
            Some(dropped) => !dropped.is_untyped,
            // It was compiled, and neither lint has anything against it: there is no value.
            None => found.compiled.contains(&number),
        };
        if is_other && is_statement(&file.text, &finding.span) {
            gone.insert(number);
        }
    }
    remove(found, &gone);
    let mut missed: Vec<_> = facts.dropped.iter().collect();
    missed.sort_by_key(|(at, _)| **at);
    for (at, dropped) in missed {
        if let Some(runner) = dropped.handle.filter(|runner| !is_looked_after(*runner)) {
            add(*at, dropped, runner, file, role, found);
        }
    }
}

/// A handle that the source alone does not show.
fn add(at: Position, dropped: &Dropped, runner: Runner, file: &SourceFile, role: &Role, found: &mut Found) {
    let within = |span: &Span| (at..=dropped.end).contains(&start(span));
    let is_known = |finding: &Finding| finding.rule == Rule::DroppedHandle && within(&finding.span);
    if found.findings.iter().any(is_known) {
        return;
    }
    let (Some(from), Some(to)) = (offset(&file.text, at), offset(&file.text, dropped.end)) else { return };
    let statement = file.text.get(from..to).unwrap_or_default();
    let span = Span {
        line: at.0,
        column: at.1,
        end_line: dropped.end.0,
        end_column: dropped.end.1,
        start: from,
        end: to,
    };
    let around = |function: &&(Span, String, bool)| function.0.start <= from && to <= function.0.end;
    let innermost =
        found.functions.iter().filter(around).min_by_key(|function| function.0.end - function.0.start);
    let (function_span, function, in_test) = match innermost {
        Some((span, path, in_test)) => (*span, path.clone(), *in_test),
        None => (Span::default(), role.module.clone(), role.test),
    };
    let certainty = Certainty::Resolved;
    let call = short(statement.trim_end_matches(';'), MAX_CALL);
    found.sites.push(Site {
        kind: SiteKind::Spawn,
        api: call.clone(),
        file: file.name.clone(),
        span,
        value_span: span,
        argument: None,
        function: function.clone(),
        function_span,
        runs: String::new(),
        becomes: Becomes::Orphan,
        certainty,
        in_test,
    });
    let rule = Rule::DroppedHandle;
    found.findings.push(Finding {
        rule,
        level: level(rule, certainty, in_test),
        certainty,
        file: file.name.clone(),
        span,
        message: format!("`{call}` returns the handle of a {}, which is dropped", runner.noun()),
        label: how_label("the statement"),
        in_test,
        fingerprint: fingerprint(rule, &file.name, &function, statement),
        function,
        site: Some(found.sites.len() - 1),
        allowed: None,
    });
}

fn message(runner: Runner) -> String {
    format!("the handle of a {} is dropped: if it panics, nobody is told", runner.noun())
}

/// Takes findings out, with their sites.
fn remove(found: &mut Found, gone: &HashSet<usize>) {
    let sites: HashSet<usize> = gone.iter().filter_map(|number| found.findings.get(*number)?.site).collect();
    let mut number = 0;
    found.findings.retain(|_| {
        number += 1;
        !gone.contains(&(number - 1))
    });
    for finding in &mut found.findings {
        finding.site = finding.site.filter(|site| !sites.contains(site));
        finding.site = finding.site.map(|site| site - sites.iter().filter(|gone| **gone < site).count());
    }
    let mut number = 0;
    found.sites.retain(|_| {
        number += 1;
        !sites.contains(&(number - 1))
    });
}

/// Whether a call is a whole statement.
fn is_statement(text: &str, span: &Span) -> bool {
    let (before, after) =
        (text.get(..span.start).unwrap_or_default(), text.get(span.end..).unwrap_or_default());
    before.trim_end().ends_with(['{', '}', ';']) && after.trim_start().starts_with(';')
}

fn start(span: &Span) -> Position {
    (span.line, span.column)
}

/// Bytes in front of a place.
fn offset(text: &str, (line, column): Position) -> Option<usize> {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.checked_sub(1)? as usize).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    let inside = line.char_indices().nth(column.checked_sub(1)? as usize).map_or(line.len(), |(at, _)| at);
    Some(before + inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_and_found_in_bytes() {
        let text = "aé\n\u{1f980}bc";
        assert_eq!(offset(text, (1, 1)), Some(0));
        assert_eq!(offset(text, (1, 3)), Some(3));
        assert_eq!(offset(text, (2, 2)), Some(8));
        assert_eq!(offset(text, (2, 9)), Some(10));
        assert_eq!(offset(text, (0, 1)), None);
    }
}
