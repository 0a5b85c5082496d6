//! Times as people say and read them.
//!
//! Runs on: the main thread. Must not: guess what cannot be understood.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime};

/// `-3h`, `3h ago`, `now`, `today`, `yesterday`, `2026-01-31`, `2026-01-31 23:59`, `23:59`, or RFC 3339. What has no zone is in
/// that of the machine.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    let now = ZonedDateTime::now();
    let text = text.trim();
    let local = |time: DateTime| time.to_zoned_datetime(now.time_zone().clone()).map(|time| time.timestamp());
    let day = |ago: i64| {
        let date = now.date().checked_sub(Span::new().days(ago));
        date.and_then(|date| local(date.at(0, 0, 0, 0))).map_err(|error| error.to_string())
    };
    match text {
        "now" => return Ok(now.timestamp()),
        "today" => return day(0),
        "yesterday" => return day(1),
        _ => {}
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Some(ago) = text.strip_prefix('-').or_else(|| text.strip_suffix("ago")) {
        let back = ago.trim().parse::<Span>().ok().and_then(|span| now.checked_sub(span).ok());
        return back
            .map(|time| time.timestamp())
            .ok_or_else(|| format!("`{ago}` is not a duration such as 90s, 3h or 2d"));
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return local(time).map_err(|error| error.to_string());
    }
    if let Ok(time) = text.parse::<jiff::civil::Time>() {
        return local(now.date().to_datetime(time)).map_err(|error| error.to_string());
    }
    Err("expected a time: `-3h`, `yesterday`, `2026-01-31`, `23:59` or `2026-01-31T23:59:59Z`".to_owned())
}

/// How times are shown.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
}

impl Clock {
    pub(crate) fn new(utc: bool) -> Self {
        Self { zone: if utc { TimeZone::UTC } else { TimeZone::system() } }
    }

    /// `2026-01-31 23:59:59.123`.
    pub(crate) fn full(&self, ts_ms: i64) -> String {
        self.format(ts_ms, "%Y-%m-%d %H:%M:%S%.3f")
    }

    /// `01-31 23:59:59`.
    pub(crate) fn short(&self, ts_ms: i64) -> String {
        self.format(ts_ms, "%m-%d %H:%M:%S")
    }

    fn format(&self, ts_ms: i64, format: &str) -> String {
        match Timestamp::from_millisecond(ts_ms) {
            Ok(time) => time.to_zoned_datetime(self.zone.clone()).strftime(format).to_string(),
            Err(_) => "(no time)".to_owned(),
        }
    }
}

/// `850 ms`, `3.2 s`, `4 min`, `3 h`, `12 d`.
pub(crate) fn span(ms: i64) -> String {
    let span = SignedDuration::from_millis(ms.max(0));
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        seconds @ ..60 => format!("{}.{} s", seconds, span.subsec_millis() / 100),
        seconds @ ..3600 => format!("{} min", seconds / 60),
        seconds @ ..86_400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood_as_people_say_them_and_nonsense_is_not() {
        let now = Timestamp::now();
        let ago = now.duration_since(parse("-3h").unwrap());
        assert!((10_799..10_802).contains(&ago.as_secs()), "{ago}");
        assert!(parse("2d ago").unwrap() < parse("-1h").unwrap());
        assert_eq!(parse("2026-01-31T23:59:59Z").unwrap().as_second(), 1_769_903_999);
        for text in ["yesterday", "today", "now", "2026-01-31", "2026-01-31 23:59", "23:59"] {
            parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        }
        for text in ["", "-", "-x", "soon", "3h"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(Clock::new(true).full(0), "1970-01-01 00:00:00.000");
        assert_eq!((span(850), span(3200), span(250_000)), ("850 ms".into(), "3.2 s".into(), "4 min".into()));
    }
}
