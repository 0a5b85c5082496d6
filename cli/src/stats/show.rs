//! Groups as a table for people, JSON, or CSV.
//!
//! Runs on: the main thread. Must not: change the JSON without a new version in `schema`.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde_json::json;

use super::By;
use super::group::{Group, sparkline};
use super::tally::{Tally, names};
use crate::failure::Failure;
use crate::screen::{Paint, cut, one_line};
use crate::story::words;
use crate::time::Clock;

/// Name and version of the JSON.
const SCHEMA: &str = "panic-agent.stats/1";
/// Columns of the sparkline in a table.
const COLUMNS: usize = 16;
/// Columns of a message in a table.
const MESSAGE: usize = 60;

/// From the first to the last panic of all groups.
fn range(groups: &[&Group]) -> (i64, i64) {
    let first = groups.iter().map(|group| group.first_ms).min().unwrap_or(0);
    let last = groups.iter().map(|group| group.last_ms).max().unwrap_or(0);
    (first, last)
}

/// Share of what is known.
fn share(group: &Group) -> Option<f64> {
    let known = group.count.saturating_sub(group.unknown);
    (known > 0).then(|| group.silent as f64 / known as f64)
}

pub(super) fn table(
    by: &By,
    groups: &[&Group],
    tally: &Tally,
    top: usize,
    clock: &Clock,
    width: Option<usize>,
) -> String {
    if groups.is_empty() {
        return "no panics\n".to_owned();
    }
    let (first, last) = range(groups);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    let what = by.word();
    table.set_header([
        "panics",
        "silent",
        "first",
        "last",
        "over time",
        "hosts",
        "versions",
        &what,
        "such as",
    ]);
    for group in groups.iter().take(top) {
        let silent = match share(group) {
            None => "?".to_owned(),
            Some(share) if group.unknown > 0 => format!("{:.0}% ?{}", share * 100.0, group.unknown),
            Some(share) => format!("{:.0}%", share * 100.0),
        };
        let place = group.place.as_deref().map_or(String::new(), |place| format!("  {}", one_line(place)));
        let such = format!(
            "{}{place}",
            cut(&one_line(group.message.lines().next().unwrap_or_default()), Some(MESSAGE))
        );
        table.add_row([
            Cell::new(group.count).set_alignment(CellAlignment::Right),
            Cell::new(silent).set_alignment(CellAlignment::Right),
            Cell::new(clock.short(group.first_ms)),
            Cell::new(clock.short(group.last_ms)),
            Cell::new(sparkline(&group.over_time.columns(first, last, COLUMNS))),
            Cell::new(group.hosts.count()).set_alignment(CellAlignment::Right),
            Cell::new(one_line(&names(&group.versions))),
            Cell::new(one_line(&group.name)),
            Cell::new(such),
        ]);
    }
    let mut text = table.to_string();
    text = text.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    let head = text.find('\n').unwrap_or(0);
    let (head, rest) = text.split_at(head);
    let mut text = format!("{}{rest}", Paint::Strong.on(head));
    let hidden = groups.len().saturating_sub(top);
    if hidden > 0 {
        let _never_fails = writeln!(text, "… {hidden} more groups (--top 0)");
    }
    let total = |of: fn(&Group) -> u64| groups.iter().map(|group| of(group)).fold(0, u64::saturating_add);
    let _never_fails = writeln!(
        text,
        "{} in {}, {} silent, {} swallowed, {} with something unknown",
        words::count(total(|group| group.count).saturating_add(tally.ungrouped), "panic"),
        words::count(groups.len() as u64, "group"),
        total(|group| group.silent),
        total(|group| group.swallowed),
        total(|group| group.unknown),
    );
    text
}

fn time(ts_ms: i64) -> String {
    Timestamp::from_millisecond(ts_ms).map_or_else(|_| String::new(), |time| time.to_string())
}

pub(super) fn json(by: &str, groups: &[&Group], tally: &Tally) -> Result<String, Failure> {
    let (first, last) = range(groups);
    let group = |group: &&Group| {
        json!({
            "name": group.name,
            "panics": group.count,
            "silent": group.silent,
            "swallowed": group.swallowed,
            "uncaught": group.uncaught,
            "unknown": group.unknown,
            "silent_share": share(group),
            "first": time(group.first_ms),
            "first_ms": group.first_ms,
            "last": time(group.last_ms),
            "last_ms": group.last_ms,
            "over_time": group.over_time.columns(first, last, COLUMNS),
            "hosts": group.hosts.names,
            "more_hosts": group.hosts.more,
            "versions": group.versions.names,
            "more_versions": group.versions.more,
            "message": group.message,
            "place": group.place,
            "fingerprint": format!("{:016x}", group.fingerprint),
        })
    };
    let value = json!({
        "schema": SCHEMA,
        "by": by,
        "first_ms": first,
        "last_ms": last,
        "panics": groups.iter().map(|group| group.count).fold(tally.ungrouped, u64::saturating_add),
        "ungrouped": tally.ungrouped,
        "lines_left_out": tally.torn + tally.foreign + tally.newer,
        "late_verdicts": tally.late,
        "slow_lines": tally.slow,
        "groups": groups.iter().map(group).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&value).map_err(|error| Failure::new(error.to_string()))?;
    Ok(text + "\n")
}

pub(super) fn csv(by: &str, groups: &[&Group]) -> String {
    let mut text = format!(
        "{},panics,silent,swallowed,uncaught,unknown,first,last,hosts,versions,place,message\n",
        quoted(by)
    );
    for group in groups {
        let counts = [group.count, group.silent, group.swallowed, group.uncaught, group.unknown];
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let cells = [
            quoted(&group.name),
            counts.join(","),
            time(group.first_ms),
            time(group.last_ms),
            quoted(&names(&group.hosts)),
            quoted(&names(&group.versions)),
            quoted(group.place.as_deref().unwrap_or_default()),
            quoted(&group.message),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// A cell. What a spreadsheet would take for a formula is a text.
fn quoted(text: &str) -> String {
    let text =
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
