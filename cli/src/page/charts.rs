//! Charts: SVG with a title on every bar.
//!
//! Runs on: the main thread. Must not: need a script.

use super::html::Html;
use super::{Gathered, Shade};
use crate::stats::group::Histogram;
use crate::time::Clock;

/// Columns of the timeline.
const COLUMNS: usize = 60;
/// Width of a column.
const WIDTH: f64 = 16.0;
/// Height of the chart.
const HEIGHT: f64 = 120.0;
/// Columns of a group's line.
const SMALL: usize = 24;

/// What a colour stands for.
pub(super) fn legend(shade: Shade) -> (&'static str, &'static str) {
    match shade {
        Shade::Silent => ("<span class=\"fate-silent\"></span>", "silent"),
        Shade::Fatal => ("<span class=\"fate-fatal\"></span>", "the process ended"),
        Shade::Died => ("<span class=\"fate-died\"></span>", "a thread or task died"),
        Shade::Caught => ("<span class=\"fate-caught\"></span>", "caught, or not known"),
    }
}

fn begin_bar(shade: Shade) -> &'static str {
    match shade {
        Shade::Silent => "<rect class=\"fate-silent\" x=\"",
        Shade::Fatal => "<rect class=\"fate-fatal\" x=\"",
        Shade::Died => "<rect class=\"fate-died\" x=\"",
        Shade::Caught => "<rect class=\"fate-caught\" x=\"",
    }
}

/// Panics over time, stacked by what became of them.
pub(super) fn timeline(gathered: &Gathered, first: i64, last: i64, clock: &Clock, html: &mut Html) {
    let rows: Vec<(Shade, Vec<u64>)> = Shade::ALL
        .into_iter()
        .filter_map(|shade| Some((shade, gathered.over_time.get(&shade)?.columns(first, last, COLUMNS))))
        .collect();
    let total = |at: usize| {
        rows.iter()
            .filter_map(|(_, counts)| counts.get(at))
            .fold(0, |sum: u64, count| sum.saturating_add(*count))
    };
    let most = (0..COLUMNS).map(total).max().unwrap_or(0).max(1) as f64;
    html.raw("<svg role=\"img\" aria-label=\"Panics over time\" viewBox=\"0 0 ")
        .number(WIDTH * COLUMNS as f64);
    html.raw(" ").number(HEIGHT).raw("\">");
    for at in 0..COLUMNS {
        let mut top = HEIGHT;
        for (shade, counts) in &rows {
            let count = counts.get(at).copied().unwrap_or(0);
            if count == 0 {
                continue;
            }
            let height = (count as f64 / most * HEIGHT).max(2.0);
            top = (top - height).max(0.0);
            html.raw(begin_bar(*shade)).number(at as f64 * WIDTH).raw("\" y=\"").number(top);
            html.raw("\" width=\"").number(WIDTH - 2.0).raw("\" height=\"").number(height).raw("\"><title>");
            let span = i128::from(last) - i128::from(first);
            let from = i128::from(first) + span * at as i128 / COLUMNS as i128;
            let from = clock.short(i64::try_from(from).unwrap_or(first));
            html.text(format!("{count} {} from {from}", legend(*shade).1)).raw("</title></rect>");
        }
    }
    html.raw("</svg><p class=\"key dim\">").text(clock.full(first)).raw(" to ").text(clock.full(last));
    for shade in Shade::ALL {
        let (mark, text) = legend(shade);
        html.raw(mark).text(text);
    }
    html.raw("</p>");
}

/// One group over time.
pub(super) fn line(histogram: &Histogram, first: i64, last: i64, html: &mut Html) {
    let counts = histogram.columns(first, last, SMALL);
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    html.raw(
        "<svg role=\"img\" aria-label=\"Over time\" width=\"120\" height=\"20\" viewBox=\"0 0 120 20\">",
    );
    for (at, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let height = (count as f64 / most * 20.0).max(2.0);
        html.raw(begin_bar(Shade::Caught)).number(at as f64 * 5.0).raw("\" y=\"").number(20.0 - height);
        html.raw("\" width=\"4\" height=\"")
            .number(height)
            .raw("\"><title>")
            .text(count)
            .raw("</title></rect>");
    }
    html.raw("</svg>");
}
