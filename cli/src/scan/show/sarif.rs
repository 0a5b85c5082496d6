//! SARIF 2.1.0, as code scanning of GitHub wants it: every rule described, and no `kind` but `fail`.
//!
//! Runs on: the main thread. Must not: put a line into a fingerprint.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::scan::report::Report;
use crate::scan::rule::{Level, Rule};
use crate::scan::site::{Finding, Span};

const PAGE: &str = "https://github.com/panic-agent/panic-agent/blob/main/docs/scan-rules.md";

/// What is written as `%xx` in a path: all but what RFC 3986 allows in a segment, and `/` itself.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+')
    .remove(b'@');

pub(crate) fn text(report: &Report) -> Result<String, Failure> {
    let open = report.findings.iter().filter(|finding| finding.level > Level::Allow);
    let results: Vec<Value> = open.map(|finding| result(finding, report)).collect();
    whole(results, json!({}))
}

/// A log with one run.
pub(crate) fn whole(results: Vec<Value>, properties: Value) -> Result<String, Failure> {
    let value = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "panic-agent",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": PAGE,
                "rules": Rule::ALL.iter().map(|rule| rule_facts(*rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": properties,
        }],
    });
    let text = serde_json::to_string_pretty(&value).map_err(|error| Failure::new(error.to_string()))?;
    Ok(text + "\n")
}

fn rule_facts(rule: Rule) -> Value {
    let sentence = |text: &str| {
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}.", letters.as_str())
    };
    json!({
        "id": rule.id(),
        "name": format!("{rule:?}"),
        "shortDescription": { "text": sentence(rule.title()) },
        "fullDescription": { "text": sentence(rule.title()) },
        "help": { "text": sentence(rule.help()), "markdown": sentence(rule.help()) },
        "helpUri": format!("{PAGE}#{}", rule.id()),
        "defaultConfiguration": { "level": level(rule.default_level()) },
        "properties": { "tags": ["reliability", "panic"] },
    })
}

pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Note => "note",
        Level::Allow => "none",
    }
}

fn result(finding: &Finding, report: &Report) -> Value {
    let text = report.texts.get(&finding.file).map(String::as_str).unwrap_or_default();
    let mut value = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": level(finding.level),
        "message": { "text": plain(&format!("{}: {}.", finding.message, finding.label)) },
        "locations": [location(&finding.file, region(&finding.span, text), &finding.function)],
        "partialFingerprints": { "panicAgent/v1": finding.fingerprint },
        "properties": { "certainty": finding.certainty.word() },
    });
    if let Some(reason) = &finding.allowed {
        let kind = if reason == "baseline" { "external" } else { "inSource" };
        value["suppressions"] = json!([{ "kind": kind, "justification": reason }]);
    }
    value
}

/// A range, with its text where that is there.
fn region(span: &Span, text: &str) -> Value {
    let mut value = json!({
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    });
    if let Some(text) = text.get(span.start..span.end).filter(|text| !text.is_empty()) {
        value["snippet"] = json!({ "text": text });
    }
    value
}

/// A place. An absolute path is one of another machine or of a registry, and stays absolute.
pub(crate) fn location(file: &str, region: Value, function: &str) -> Value {
    let scheme = if file.starts_with('/') { "file://" } else { "" };
    let mut value = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": format!("{scheme}{}", utf8_percent_encode(file, IN_PATH)) },
            "region": region,
        },
    });
    if !function.is_empty() {
        value["logicalLocations"] = json!([{ "fullyQualifiedName": function }]);
    }
    value
}

/// A text in which nothing is a link or a placeholder: `[a](b)` would be one, and `{0}` the other (SARIF 2.1.0, 3.11). A
/// text that holds neither stays as it is, because many viewers show what escapes it.
pub(crate) fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    if text.contains("](") {
        text = text.replace('[', "\\[").replace(']', "\\]");
    }
    let placeholder = |part: &str| part.starts_with(|letter: char| letter.is_ascii_digit());
    if text.split('{').skip(1).any(placeholder) {
        text = text.replace('{', "{{").replace('}', "}}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_no_link_and_no_placeholder_and_a_path_is_a_uri() {
        assert_eq!(plain("[a](b) {0}"), r"\[a\](b) {{0}}");
        assert_eq!(plain("a[0] (b) f::{{closure}} {x}"), "a[0] (b) f::{{closure}} {x}");
        let uri = |file| location(file, json!({}), "")["physicalLocation"]["artifactLocation"]["uri"].clone();
        assert_eq!(uri("a b/100%#ü.rs"), "a%20b/100%25%23%C3%BC.rs");
        assert_eq!(uri("src/a-b_c.rs"), "src/a-b_c.rs");
        assert_eq!(uri("/rustc/1/library/x.rs"), "file:///rustc/1/library/x.rs");
    }
}
