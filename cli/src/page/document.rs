//! The page as a whole.
//!
//! Runs on: the main thread. Must not: leave out something without a word.

use super::html::Html;
use super::incident::{Detail, Stacks};
use super::{Gathered, MAX_GROUPS, PageGroup, ReportArgs, charts, crosscheck};
use crate::stats::group::Few;
use crate::story::{Note, words};
use crate::time::Clock;
use crate::view::source::Sources;

/// Style of the page.
const STYLE: &str = include_str!("page.css");
/// Makes filtering and keys; the page can be read without.
const SCRIPT: &str = include_str!("page.js");
/// SHA-256 of the two in base64: what the page's policy allows, and nothing else.
const STYLE_HASH: &str = "1ZIKcGQvgE/Ptetl9BhfPKTA3qnKRcurRO9pdoXYvvI=";
const SCRIPT_HASH: &str = "3sDW/8p59ixpX/ZXquQEg9//56nixK80WPopuk6Yr74=";
/// Bytes of lines as JSON: the groups at the top have theirs.
const MAX_JSON: usize = 1 << 20;
/// A page above this names its groups alone.
const MAX_BYTES: usize = 20 << 20;

pub(super) fn document(gathered: &Gathered, args: &ReportArgs) -> String {
    let clock = Clock::new(false);
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"");
    html.raw("default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-").raw(STYLE_HASH);
    html.raw("'; script-src 'sha256-")
        .raw(SCRIPT_HASH)
        .raw("'\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"referrer\" content=\"no-referrer\"><title>")
        .text(&args.title)
        .raw("</title><style>")
        .raw(STYLE);
    html.raw("</style></head><body><main><h1>").text(&args.title).raw("</h1>");
    strip(gathered, &mut html);
    if let Some(check) = &gathered.crosscheck {
        crosscheck::head(check, &mut html);
    }
    let groups = gathered.ordered();
    let mut in_full = crosscheck::Told::new();
    let first = groups.iter().map(|group| group.counts.first_ms).min().unwrap_or(0);
    let last = groups.iter().map(|group| group.counts.last_ms).max().unwrap_or(0);
    if groups.is_empty() {
        html.raw("<p>No panics.</p>");
    } else {
        html.raw("<h2>Over time</h2>");
        charts::timeline(gathered, first, last, &clock, &mut html);
        html.raw("<h2>Groups</h2><p class=\"dim\">Panics with the same cause; those that nobody was told of come first.</p>");
        html.raw("<p id=\"filter\"><input type=\"search\" aria-label=\"Filter groups\" placeholder=\"/ to filter: words, -word to leave out; j and k to move\"> <span id=\"shown\" class=\"dim\" role=\"status\"></span></p>");
        let limit = if args.all { usize::MAX } else { MAX_GROUPS };
        let mut sources = Sources::new(&args.source);
        let with_source = !args.source.is_empty();
        let stacks = Stacks::default();
        let json_left = if args.all { usize::MAX } else { MAX_JSON };
        let mut detail =
            Detail { clock: &clock, sources: &mut sources, with_source, with_json: false, json_left, stacks };
        html.raw("<section>");
        let mut told = 0;
        for group in groups.iter().take(limit) {
            if html.len() > MAX_BYTES && !args.all {
                break;
            }
            told += 1;
            section(group, (first, last), &mut detail, &mut html);
        }
        html.raw("</section>");
        let incidents = groups.iter().take(told).flat_map(|group| &group.incidents);
        for (incident, _) in incidents {
            let ids = incident.panics.iter().map(|panic| (panic.id.to_string(), incident.id.to_string()));
            in_full.extend(ids);
        }
        rest(groups.get(told..).unwrap_or_default(), &clock, &mut html);
    }
    notes(gathered, &clock, &mut html);
    if let Some(check) = &gathered.crosscheck {
        crosscheck::section(check, &in_full, args.all, &mut html);
    }
    lacks(gathered, &mut html);
    html.raw("<footer><p class=\"dim\">Written by panic-agent ").raw(env!("CARGO_PKG_VERSION"));
    html.raw(". This page loads nothing from anywhere.</p></footer></main><script>")
        .raw(SCRIPT)
        .raw("</script></body></html>\n");
    html.into_string()
}

fn strip(gathered: &Gathered, html: &mut Html) {
    let totals = gathered.totals;
    let items = [
        ("", totals.panics, "panics"),
        ("bad", totals.silent, "silent"),
        ("warn", totals.swallowed, "swallowed"),
        ("good", totals.read, "read"),
        ("bad", totals.fatal, "ended the process"),
        ("warn", totals.unknown, "not known"),
        ("bad", totals.lost, "reports lost"),
        ("", totals.processes, "processes"),
        ("bad", totals.killed, "killed"),
    ];
    html.raw("<ul class=\"strip\">");
    for (class, number, what) in items {
        html.raw("<li><b class=\"").raw(if number > 0 { class } else { "dim" }).raw("\">").text(number);
        html.raw("</b>").raw(what).raw("</li>");
    }
    html.raw("</ul>");
    if gathered.lines_left_out > 0 {
        html.raw("<p class=\"warn\">Lines left out, because they are torn or not of this agent: ");
        html.text(gathered.lines_left_out).raw("</p>");
    }
    if gathered.ungrouped > 0 {
        html.raw("<p class=\"warn\">Panics in none of the groups, of which there were too many: ");
        html.text(gathered.ungrouped).raw("</p>");
    }
}

/// A group that is told in full.
fn section(group: &PageGroup, range: (i64, i64), detail: &mut Detail<'_>, html: &mut Html) {
    let (counts, clock) = (&group.counts, detail.clock);
    html.raw("<details id=\"g-")
        .text(&counts.name)
        .raw("\" data-words=\"")
        .text(&counts.message)
        .raw(" ")
        .text(&counts.name);
    html.raw(" ").text(counts.place.as_deref().unwrap_or_default());
    for (number, word) in
        [(counts.silent, " silent"), (counts.swallowed, " swallowed"), (counts.uncaught, " uncaught")]
    {
        html.raw(if number > 0 { word } else { "" });
    }
    for name in counts.hosts.names.iter().chain(&counts.versions.names) {
        html.raw(" ").text(name);
    }
    html.raw("\"><summary><b>").text(counts.count).raw("×</b> ").text(&counts.message);
    if counts.silent > 0 {
        html.raw(" <span class=\"bad\">").text(counts.silent).raw(" silent</span>");
    }
    if counts.swallowed > 0 {
        html.raw(" <span class=\"warn\">").text(counts.swallowed).raw(" swallowed</span>");
    }
    html.raw(" <span class=\"dim mono\">")
        .text(counts.place.as_deref().unwrap_or("(no place)"))
        .raw("</span></summary>");
    charts::line(&counts.over_time, range.0, range.1, html);
    html.raw("<dl><dt>first</dt><dd>").text(clock.full(counts.first_ms)).raw("</dd><dt>last</dt><dd>");
    html.text(clock.full(counts.last_ms)).raw("</dd><dt>hosts</dt><dd>").text(names(&counts.hosts));
    html.raw("</dd><dt>versions</dt><dd>")
        .text(names(&counts.versions))
        .raw("</dd><dt>fingerprint</dt><dd class=\"mono\">");
    html.text(&counts.name).raw("</dd></dl>");
    if group.incidents.is_empty() {
        html.raw("<p class=\"dim\">These panics follow others, and are told in the incidents of those.</p>");
    }
    if group.more > 0 {
        html.raw("<p class=\"dim\">The newest ")
            .text(group.incidents.len())
            .raw(" incidents; ")
            .text(group.more);
        html.raw(" older ones are only counted (<code>--all</code>).</p>");
    }
    for (at, (incident, process)) in group.incidents.iter().rev().enumerate() {
        detail.with_json = at == 0;
        detail.incident(incident, process, html);
    }
    html.raw("</details>");
}

fn names(few: &Few) -> String {
    if few.names.is_empty() {
        return "not said".to_owned();
    }
    few.names.join(", ") + if few.more { " and more" } else { "" }
}

/// Groups of which only a row is shown.
fn rest(groups: &[&PageGroup], clock: &Clock, html: &mut Html) {
    if groups.is_empty() {
        return;
    }
    html.raw("<h2>More groups</h2><p class=\"dim\">A row each, to keep the page small; <code>--all</code> tells them in full.</p>");
    html.raw("<div class=\"scroll\" tabindex=\"0\"><table><tr><th>panics</th><th>silent</th><th>last</th><th>message</th><th>place</th></tr>");
    for group in groups {
        let counts = &group.counts;
        html.raw("<tr data-words=\"").text(&counts.message).raw("\"><td class=\"n\">").text(counts.count);
        html.raw("</td><td class=\"n\">")
            .text(counts.silent)
            .raw("</td><td>")
            .text(clock.short(counts.last_ms));
        html.raw("</td><td>").text(&counts.message).raw("</td><td class=\"mono\">");
        html.text(counts.place.as_deref().unwrap_or("(no place)")).raw("</td></tr>");
    }
    html.raw("</table></div>");
}

/// Findings that concern no panic.
fn notes(gathered: &Gathered, clock: &Clock, html: &mut Html) {
    if gathered.notes.is_empty() {
        return;
    }
    html.raw("<h2>Findings</h2><ul>");
    for (note, _) in &gathered.notes {
        html.raw("<li>");
        match note {
            Note::Finding(line) => {
                html.text(clock.full(line.head.ts_ms))
                    .raw(" <b>")
                    .text(&line.code)
                    .raw("</b> ")
                    .text(&line.message);
                for place in line.places.iter().filter_map(words::place_of) {
                    html.raw("<br><span class=\"mono dim\">").text(place).raw("</span>");
                }
            }
            Note::Repeats(line) => {
                html.text(clock.full(line.head.ts_ms)).raw(" <b>repeats</b> ").text(line.count).raw(" × ");
                html.text(line.message.as_deref().unwrap_or("(the payload is not a text)"));
            }
            Note::Death(line) => {
                html.text(clock.full(line.head.ts_ms)).raw(" <b>death</b> ").text(&line.message);
                html.raw(" <span class=\"dim\">").text(&line.cause).raw("</span>");
            }
        }
        html.raw("</li>");
    }
    html.raw("</ul>");
    if gathered.more_notes > 0 {
        html.raw("<p class=\"dim\">And ").text(gathered.more_notes).raw(" more.</p>");
    }
}

/// What agents could not do.
fn lacks(gathered: &Gathered, html: &mut Html) {
    html.raw("<h2>What the agents could not see</h2>");
    if gathered.lacks.is_empty() {
        html.raw("<p>Nothing that they know of.</p>");
        return;
    }
    html.raw("<div class=\"scroll\" tabindex=\"0\"><table><tr><th>times</th><th>code</th><th>what</th></tr>");
    for ((code, what), times) in &gathered.lacks {
        html.raw("<tr><td class=\"n\">")
            .text(times)
            .raw("</td><td class=\"mono\">")
            .text(code)
            .raw("</td><td>")
            .text(what)
            .raw("</td></tr>");
    }
    html.raw("</table></div>");
}
