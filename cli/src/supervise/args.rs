//! What `run --supervise` can be asked.

use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use regex::Regex;

/// Longest tail of standard error in a line.
const MAX_TAIL: usize = 16 * 1024;

/// When a program is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Restart {
    /// Never: deaths are only written down
    Never,
    /// When a signal ended it, or its status is not 0
    #[default]
    OnFailure,
    /// Whatever its status
    Always,
}

/// Arguments of `run` that are about supervising.
#[derive(Args, Debug)]
pub(crate) struct SuperviseArgs {
    /// Start the program again when it dies, and write a `death` line when it was no panic
    #[arg(long)]
    pub(crate) supervise: bool,
    /// When to start it again
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, requires = "supervise")]
    pub(crate) restart: Restart,
    /// Give up when it has been started again so often within so many seconds
    #[arg(long, value_name = "COUNT/SECONDS", default_value = "5/60", value_parser = limit, requires = "supervise")]
    pub(crate) max_restarts: (u32, Duration),
    /// Wait so long before the first restart, and twice as long before each further one
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = time, requires = "supervise")]
    pub(crate) backoff: Duration,
    /// Wait no longer than this
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, requires = "supervise")]
    pub(crate) max_backoff: Duration,
    /// Keep the last bytes of standard error for a `death` line; 0 leaves standard error as it is
    #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = tail, requires = "supervise")]
    pub(crate) stderr_tail: usize,
    /// Replace what matches in a `death` line. Can be repeated. Values of variables that are called like secrets
    /// (`…TOKEN`, `…SECRET`, `…PASSWORD`, `…KEY`) are always replaced
    #[arg(long, value_name = "REGEX", requires = "supervise")]
    pub(crate) redact: Vec<Regex>,
}

fn limit(text: &str) -> Result<(u32, Duration), String> {
    let parts = text.split_once('/');
    let limit = parts.and_then(|(count, seconds)| Some((count.parse().ok()?, seconds.parse().ok()?)));
    match limit {
        Some((count, seconds @ 1..)) => Ok((count, Duration::from_secs(seconds))),
        _ => Err("expected COUNT/SECONDS, such as 5/60".to_owned()),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.ok_or_else(|| "expected a time such as 100ms, 2s or 1m".to_owned())
}

fn tail(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if bytes <= MAX_TAIL => Ok(bytes),
        _ => Err(format!("expected a number of bytes from 0 to {MAX_TAIL}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_understood_or_refused() {
        assert_eq!(limit("3/60"), Ok((3, Duration::from_secs(60))));
        assert!(limit("3").is_err() && limit("3/0").is_err() && limit("-1/5").is_err());
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert!(time("-1s").is_err() && time("soon").is_err());
        assert_eq!(tail("0"), Ok(0));
        assert!(tail("16385").is_err() && tail("all").is_err());
    }
}
