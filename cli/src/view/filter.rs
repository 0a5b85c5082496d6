//! Which incidents are shown. A panic must have everything that is asked for; its whole incident is shown then.
//!
//! Runs on: the main thread. Must not: look at anything but the story.

use clap::Args;
use globset::{Glob, GlobMatcher};
use jiff::Timestamp;
use panic_agent::record::{Fate, PanicId, Receipt};
use regex::Regex;

use super::args::{fate, receipt};
use crate::story::flat::{Head, Kind};
use crate::story::{Incident, Story, Told};
use crate::time;

/// What is asked for.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FilterArgs {
    /// The process went on and nobody learned of it
    #[arg(long, help_heading = "Filters")]
    pub(crate) silent: bool,
    /// The error was received and thrown away unread
    #[arg(long, help_heading = "Filters")]
    pub(crate) swallowed: bool,
    /// Nothing in the program stopped it
    #[arg(long, help_heading = "Filters")]
    pub(crate) uncaught: bool,
    /// How it ended: caught, runtime_caught, thread_died, main_died, aborted, interrupted or unknown
    #[arg(long, value_name = "WORD", value_parser = fate, help_heading = "Filters")]
    pub(crate) fate: Vec<Fate>,
    /// Who got the error: read, received, discarded, pending or unknown
    #[arg(long, value_name = "WORD", value_parser = receipt, help_heading = "Filters")]
    pub(crate) receipt: Vec<Receipt>,
    /// Name of the thread, with `*` for anything
    #[arg(long, value_name = "GLOB", value_parser = glob, help_heading = "Filters")]
    pub(crate) thread: Option<GlobMatcher>,
    /// A label
    #[arg(long, value_name = "KEY=VALUE", value_parser = label, help_heading = "Filters")]
    pub(crate) label: Vec<(String, String)>,
    /// Name of the service
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    pub(crate) service: Option<String>,
    /// A regular expression that the message has somewhere
    #[arg(long, value_name = "REGEX", value_parser = Regex::new, help_heading = "Filters")]
    pub(crate) message: Option<Regex>,
    /// A function on the stack, with `*` for anything: `--function '*::handler::*'`
    #[arg(long, value_name = "GLOB", value_parser = glob, help_heading = "Filters")]
    pub(crate) function: Option<GlobMatcher>,
    /// Not before: `-3h`, `yesterday`, `2026-01-31`, `2026-01-31T23:59:59Z`
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true, help_heading = "Filters")]
    pub(crate) since: Option<Timestamp>,
    /// Not after
    #[arg(long, value_name = "TIME", value_parser = time::parse, allow_hyphen_values = true, help_heading = "Filters")]
    pub(crate) until: Option<Timestamp>,
    /// An incident, by the id of any of its panics or the beginning of one
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    pub(crate) incident: Option<String>,
}

impl FilterArgs {
    /// Whether everything is shown.
    pub(crate) fn is_empty(&self) -> bool {
        !(self.silent || self.swallowed || self.uncaught)
            && self.fate.is_empty()
            && self.receipt.is_empty()
            && self.thread.is_none()
            && self.label.is_empty()
            && self.service.is_none()
            && self.message.is_none()
            && self.function.is_none()
            && self.since.is_none()
            && self.until.is_none()
            && self.incident.is_none()
    }

    /// Whether most lines may be passed over: something is asked of the panics that the first fields of a line tell. What
    /// concerns no panic is not shown then.
    pub(crate) fn is_told_by_heads(&self) -> bool {
        self.silent || self.swallowed || self.uncaught || self.thread.is_some() || self.message.is_some()
    }

    /// Whether a line, of which the first fields are known, may be one on a panic that is asked for. A verdict comes later
    /// than the panic and has no more of the message than its first line: the `panic` line answers for the message, but where
    /// a verdict alone may say the words that are asked for.
    pub(crate) fn may_match(&self, head: &Head<'_>) -> bool {
        let is_panic = head.kind == Kind::Panic;
        let is_word = !is_panic && (self.silent || self.swallowed || self.uncaught);
        (!self.silent || head.silent == Some(true))
            && (!self.swallowed || head.swallowed == Some(true))
            && (!self.uncaught || head.uncaught == Some(true))
            && self.service.as_deref().is_none_or(|wanted| head.service.as_deref() == Some(wanted))
            && self.since.is_none_or(|since| head.ts_ms >= since.as_millisecond())
            && (!is_panic || self.until.is_none_or(|until| head.ts_ms <= until.as_millisecond()))
            && self
                .thread
                .as_ref()
                .is_none_or(|glob| head.thread.as_ref().is_some_and(|name| glob.is_match(name.decoded())))
            && (is_word
                || self.message.as_ref().is_none_or(|regex| {
                    head.message.as_ref().is_some_and(|text| regex.is_match(&text.decoded()))
                }))
    }

    pub(crate) fn matches(&self, story: &Story) -> bool {
        match story {
            Story::Incident(incident) => self.incident(incident),
            // Only time and service say anything about what concerns no panic.
            Story::Note(note, _) => {
                let head = note.head();
                let rest = Self { service: None, since: None, until: None, ..self.clone() };
                rest.is_empty() && self.head(head.ts_ms, head.service.as_deref())
            }
        }
    }

    fn incident(&self, incident: &Incident) -> bool {
        let named = self.incident.as_ref().is_none_or(|id| {
            let is = |panic: PanicId| panic.to_string().starts_with(id.as_str());
            is(incident.id) || incident.panics.iter().any(|told| is(told.id))
        });
        named && incident.panics.iter().any(|told| self.panic(told))
    }

    fn panic(&self, told: &Told) -> bool {
        let (word, head) = (&told.word, &told.head);
        let labels = told.report.as_ref().map(|report| &report.labels);
        let has = |(key, value): &(String, String)| {
            labels.is_some_and(|labels| labels.get(key).is_some_and(|is| is == value))
        };
        let calls = |glob: &GlobMatcher| {
            let frames = told.report.iter().flat_map(|report| report.frames.iter());
            frames.filter_map(|frame| frame.function.as_ref()).any(|function| glob.is_match(function))
        };
        (!self.silent || word.silent == Some(true))
            && (!self.swallowed || word.swallowed == Some(true))
            && (!self.uncaught || word.uncaught == Some(true))
            && (self.fate.is_empty() || self.fate.contains(&word.fate))
            && (self.receipt.is_empty() || self.receipt.contains(&word.receipt))
            && self.thread.as_ref().is_none_or(|glob| told.thread().is_some_and(|name| glob.is_match(name)))
            && self.label.iter().all(has)
            && self
                .message
                .as_ref()
                .is_none_or(|regex| told.message().is_some_and(|text| regex.is_match(text)))
            && self.function.as_ref().is_none_or(calls)
            && self.head(head.ts_ms, head.service.as_deref())
    }

    fn head(&self, ts_ms: i64, service: Option<&str>) -> bool {
        self.service.as_deref().is_none_or(|wanted| service == Some(wanted))
            && self.since.is_none_or(|since| ts_ms >= since.as_millisecond())
            && self.until.is_none_or(|until| ts_ms <= until.as_millisecond())
    }
}

fn glob(text: &str) -> Result<GlobMatcher, String> {
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|error| error.to_string())
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("say `key=value`")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}
