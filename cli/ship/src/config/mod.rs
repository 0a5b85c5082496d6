//! `ship.toml`: what is shipped, from where, to whom.
//!
//! Reading order: this file, `keys` (a table), `value` (durations, sizes), `secret`, `place` (errors). What a kind of
//! destination alone understands is read by that destination.
//!
//! Runs on: the main thread, before anything is shipped. Must not: send anything, or show a secret.

mod keys;
mod place;
mod secret;
mod value;

pub(crate) use keys::{Keys, Text};
pub(crate) use place::Source;
pub(crate) use secret::Secret;

use std::path::{Path, PathBuf};
use std::time::Duration;

use panic_agent::recovery::Symbolizer;
use toml::de::DeTable;

use super::destination::{self, Destination};
use crate::failure::Failure;

/// A verdict that is not known is waited for this long.
const HOLD: Duration = Duration::from_secs(2);
/// Panics that wait for a verdict take this much memory at most.
const MEMORY: usize = 16 << 20;
/// Most records in one request.
const BATCH: u64 = 256;
/// Most bytes of lines in one request.
const BATCH_BYTES: usize = 1 << 20;
/// A batch that is not full waits this long.
const LINGER: Duration = Duration::from_millis(500);
/// The first wait after a failure, before chance makes it shorter.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// How often a destination that refuses us is asked again.
const PAUSE: Duration = Duration::from_secs(60);

/// What is shipped, from where, to whom: what a file `ship.toml` says.
#[derive(Debug)]
pub struct Config {
    pub(crate) log: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) hold: Duration,
    pub(crate) memory: usize,
    /// What is there at the very first start is passed over.
    pub(crate) from_end: bool,
    pub(crate) routes: Vec<Route>,
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) binaries: Vec<PathBuf>,
}

/// A destination, and how it is served.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) destination: Box<dyn Destination>,
    pub(crate) batch: usize,
    pub(crate) batch_bytes: usize,
    pub(crate) linger: Duration,
    pub(crate) backoff_min: Duration,
    pub(crate) backoff_max: Duration,
    pub(crate) pause: Duration,
}

impl Config {
    /// Reads a file. Paths in it are relative to it.
    ///
    /// # Errors
    ///
    /// What cannot be used, with its place, its value and what to do.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Failure> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let source = Source { path, text };
        let table = DeTable::parse(text).map_err(|error| {
            let place = error.span().map_or(path.display().to_string(), |span| source.place(&span));
            Failure::new(format!("{place}: this is not valid TOML: {}", error.message().replace('\n', "; ")))
        })?;
        let keys = Keys::new(source, table.get_ref(), 0..0);
        let log =
            keys.needed("log", "`log = \"/var/log/app/panics.jsonl\"`, the file that the agent writes")?;
        let state = keys.needed("state", "`state = \"/var/lib/panic-agent\"`, a directory for offsets")?;
        // Relative to the file, wherever the tool is started.
        let base = path.parent().unwrap_or(Path::new(""));
        let config = Self {
            log: base.join(log.text),
            state: base.join(state.text),
            hold: keys.duration("hold", HOLD)?,
            memory: keys.bytes("memory", MEMORY)?,
            from_end: keys.word("from", &["beginning", "end"])? == "end",
            routes: Self::routes(&keys)?,
            directories: Vec::new(),
            binaries: Vec::new(),
        };
        keys.finish()?;
        Ok(config)
    }

    /// Names the frames of stripped programs on the way, by the debug files in these directories and by these programs,
    /// libraries or debug files, and settles their verdicts.
    ///
    /// # Errors
    ///
    /// One of them cannot be read.
    pub fn names(mut self, directories: &[PathBuf], binaries: &[PathBuf]) -> Result<Self, Failure> {
        Symbolizer::of(directories, binaries).map_err(|error| Failure::new(error.to_string()))?;
        (self.directories, self.binaries) = (directories.to_vec(), binaries.to_vec());
        Ok(self)
    }

    /// How many destinations there are.
    #[must_use]
    pub fn destinations(&self) -> usize {
        self.routes.len()
    }

    fn routes(keys: &Keys<'_>) -> Result<Vec<Route>, Failure> {
        let mut routes: Vec<Route> = Vec::new();
        for table in keys.tables("destination")? {
            let route = Route::read(&table)?;
            if routes.iter().any(|other| other.name == route.name) {
                let why = "give each its own `name`: its offsets are kept under it";
                return Err(Failure::new(format!(
                    "{}: there are two destinations `{}`; {why}",
                    table.place(),
                    route.name
                )));
            }
            routes.push(route);
        }
        if routes.is_empty() {
            let why = "there is no destination; add `[[destination]]` with `kind = \"stdout\"`";
            return Err(Failure::new(format!("{}: {why}", keys.source.path.display())));
        }
        Ok(routes)
    }
}

impl Route {
    fn read(keys: &Keys<'_>) -> Result<Self, Failure> {
        let kind =
            keys.needed("kind", &format!("`kind = \"otlp\"`; kinds are {}", destination::KINDS.join(", ")))?;
        let name = keys.text("name")?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if let Some(name) = name.as_ref().filter(|name| name.text.is_empty() || !name.text.chars().all(plain))
        {
            return Err(keys.wrong(name, "it names files; use letters, digits, `-` and `_`"));
        }
        let destination = destination::open(&kind, keys)?;
        let route = Self {
            name: name.map_or_else(|| kind.text.clone(), |name| name.text),
            batch: usize::try_from(keys.number("batch", BATCH, 1..100_001)?).unwrap_or(1),
            batch_bytes: keys.bytes("batch_bytes", BATCH_BYTES)?,
            linger: keys.duration("linger", LINGER)?,
            backoff_min: keys.duration("backoff_min", BACKOFF_MIN)?,
            backoff_max: keys.duration("backoff_max", BACKOFF_MAX)?,
            pause: keys.duration("pause", PAUSE)?,
            destination,
        };
        keys.finish()?;
        Ok(route)
    }
}

#[cfg(test)]
mod tests;
