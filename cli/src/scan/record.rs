//! Writes down places and findings, with where they are.
//!
//! Runs on: the threads that read files. Must not: judge.

use syn::Expr;
use syn::spanned::Spanned as _;

use super::rule::{Level, Rule};
use super::site::{Becomes, Certainty, Finding, Site, SiteKind, Span};
use super::source_file::{fnv, of_span};
use super::walk::Walker;

/// Longest text of what runs somewhere.
const MAX_RUNS: usize = 60;

/// Notes a place; its number.
pub(super) fn site(
    walker: &mut Walker<'_, '_>,
    kind: SiteKind,
    api: &str,
    expr: &Expr,
    argument: Option<&Expr>,
    becomes: Becomes,
    certainty: Certainty,
) -> usize {
    let span = span_of(expr);
    let mut value_span = span;
    if let Some(begin) = walker.begin.map(of_span)
        && begin.start < span.start
    {
        (value_span.line, value_span.column, value_span.start) = (begin.line, begin.column, begin.start);
    }
    if let Some(end) = walker.end.map(of_span)
        && end.end > span.end
    {
        (value_span.end_line, value_span.end_column, value_span.end) =
            (end.end_line, end.end_column, end.end);
    }
    let argument = argument.map(|argument| of_span(argument.span()));
    let text = argument.and_then(|span| walker.file.text.get(span.start..span.end)).unwrap_or_default();
    let runs = super::show::short(text, MAX_RUNS);
    let (function, function_span) = place(walker);
    walker.found.sites.push(Site {
        kind,
        api: api.to_owned(),
        file: walker.file.name.clone(),
        span,
        value_span,
        argument,
        function,
        function_span,
        runs,
        becomes,
        certainty,
        in_test: walker.in_test,
    });
    walker.found.sites.len() - 1
}

fn place(walker: &Walker<'_, '_>) -> (String, Span) {
    match walker.functions.last() {
        Some(function) => (function.path.clone(), function.span),
        None => (walker.env.names.borrow().module().to_owned(), Span::default()),
    }
}

/// Notes that a rule was broken.
pub(super) fn finding(
    walker: &mut Walker<'_, '_>,
    rule: Rule,
    certainty: Certainty,
    span: Span,
    message: String,
    label: String,
    site: Option<usize>,
) {
    let (function, _) = place(walker);
    let statement = walker.file.text.get(span.start..span.end).unwrap_or_default();
    if walker.env.is_compiled() {
        walker.found.compiled.insert(walker.found.findings.len());
    }
    walker.found.findings.push(Finding {
        rule,
        level: level(rule, certainty, walker.in_test),
        certainty,
        file: walker.file.name.clone(),
        span,
        message,
        label,
        in_test: walker.in_test,
        fingerprint: fingerprint(rule, &walker.file.name, &function, statement),
        function,
        site,
        allowed: None,
    });
}

/// What a finding is by default. In a test little harm is done, and of what is only guessed less is said.
pub(super) fn level(rule: Rule, certainty: Certainty, in_test: bool) -> Level {
    let lowered = in_test || certainty == Certainty::Guessed;
    if lowered { rule.default_level().min(Level::Note) } else { rule.default_level() }
}

/// The same after the code around it has moved.
pub(super) fn fingerprint(rule: Rule, file: &str, function: &str, statement: &str) -> String {
    let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{:016x}", fnv(format!("{}|{file}|{function}|{statement}", rule.id()).as_bytes()))
}

/// The range of an expression, without the attributes in front of it.
pub(super) fn span_of(expr: &Expr) -> Span {
    let (first, last) = match expr {
        Expr::Call(call) => (call.func.span(), call.paren_token.span.close()),
        Expr::MethodCall(call) => (span_before(&call.receiver), call.paren_token.span.close()),
        Expr::Await(inner) => (span_before(&inner.base), inner.await_token.span),
        other => return of_span(other.span()),
    };
    let (first, last) = (of_span(first), of_span(last));
    Span { end_line: last.end_line, end_column: last.end_column, end: last.end, ..first }
}

/// Where the first part of a chain begins.
fn span_before(expr: &Expr) -> proc_macro2::Span {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::MethodCall(call) => &call.receiver,
            Expr::Call(call) => &call.func,
            Expr::Await(inner) => &inner.base,
            Expr::Try(inner) => &inner.expr,
            Expr::Field(inner) => &inner.base,
            other => return other.span(),
        };
    }
}
