//! Arguments of `ship`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

/// Arguments of `ship`.
#[derive(Args, Debug)]
pub(crate) struct ShipArgs {
    /// What is shipped, and where to; docs/shipping.md describes it
    #[arg(long, value_name = "FILE", default_value = "ship.toml")]
    pub(crate) config: PathBuf,
    /// Ship what is there, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// With `--once`: give up after so long, and keep the rest for the next time
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Read the configuration, say whether it can be used, and end
    #[arg(long)]
    pub(crate) check: bool,
    /// Name the frames of stripped programs on the way, by the debug files in a directory, and settle their verdicts. Can be
    /// repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) debug_dir: Vec<PathBuf>,
    /// The same by a program, a library or a debug file. Can be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Vec<PathBuf>,
    /// Serve numbers at `http://ADDRESS/metrics`, for Prometheus
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Write the same into a file every 10 s, for the textfile collector of the node exporter
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "say `30s` or `5m`".to_owned())
}
