//! A record as a message: priority, time, host, program, then fields, then text.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Keys;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::format::Format;
use crate::line::beginning;
use crate::notice::Notice;
use crate::record::Record;

/// Name of the fields. No number is registered for this program, so it has the one for examples.
const FIELDS: &str = "panic@32473";
/// Names of facilities, in the order of their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// How a message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Rfc5424,
    /// What glibc writes to `/dev/log`.
    Local,
}

/// What does not change from message to message.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) form: Form,
    /// `None`: the message of the panic, for people.
    pub(super) format: Option<Format>,
    pub(super) facility: u8,
    pub(super) max_bytes: usize,
}

impl Shape {
    pub(super) fn open(keys: &Keys<'_>, form: Form, max_bytes: usize) -> Result<Self, Failure> {
        let format = Format::of_word(keys.word("format", &["text", "lines", "ecs"])?);
        let facility = match keys.text("facility")? {
            None => 1,
            Some(text) => {
                let number = FACILITIES.iter().position(|name| *name == text.text);
                let wrong = || keys.wrong(&text, &format!("say one of: {}", FACILITIES.join(", ")));
                u8::try_from(number.ok_or_else(wrong)?).unwrap_or(1)
            }
        };
        Ok(Self { form, format, facility, max_bytes: keys.bytes("max_bytes", max_bytes)? })
    }

    /// Text is cut to what is allowed; JSON never is, because half of it is none.
    pub(super) fn message(&self, facts: &Facts<'_>, record: &Record) -> Vec<u8> {
        let priority = self.facility * 8 + facts.severity().of_syslog();
        let app = word(facts.service.as_deref().unwrap_or("panic-agent"), 48);
        let mut text = match self.form {
            Form::Rfc5424 => {
                let host = word(facts.host.as_deref().unwrap_or_default(), 255);
                let (time, event) = (time(facts), record.event.name());
                format!("<{priority}>1 {time} {host} {app} {} {event} {} ", facts.pid, fields(facts, record))
            }
            Form::Local => {
                let time =
                    stamp(facts).to_zoned_datetime(TimeZone::system()).strftime("%b %e %H:%M:%S").to_string();
                format!("<{priority}>{time} {app}[{}]: ", facts.pid)
            }
        };
        match self.format {
            None => text.push_str(beginning(facts.text(), self.max_bytes.saturating_sub(text.len()))),
            Some(format) => {
                let line = format.line(record);
                let mut bytes = text.into_bytes();
                bytes.extend_from_slice(&line);
                return bytes;
            }
        }
        text.into_bytes()
    }
}

fn stamp(facts: &Facts<'_>) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(facts.nanos())).unwrap_or_default()
}

/// Six digits behind the point, which is the most that the specification allows.
fn time(facts: &Facts<'_>) -> String {
    format!("{:.6}", stamp(facts))
}

/// Printable ASCII without spaces; `-` for nothing.
fn word(text: &str, most: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

/// `[panic@32473 id="…" fate="…"]`.
fn fields(facts: &Facts<'_>, record: &Record) -> String {
    let notice = Notice::of(record);
    let of_notice = notice.as_ref();
    let silent = facts.silent.map(|silent| silent.to_string());
    let rows = [
        ("uid", Some(record.uid())),
        ("id", Some(record.id.clone()).filter(|_| record.event.is_of_panic())),
        ("fingerprint", text(facts.fingerprint.as_ref())),
        ("incident", text(facts.incident.as_ref())),
        ("root", record.root.as_ref().map(|root| root.fingerprint.clone())),
        ("fate", text(facts.fate.as_ref())),
        ("receipt", text(facts.receipt.as_ref())),
        ("silent", silent),
        ("thread", text(facts.thread.as_ref())),
        (
            "location",
            facts.location.as_ref().map(|place| format!("{}:{}:{}", &*place.file, place.line, place.column)),
        ),
        ("version", text(facts.version.as_ref())),
        ("environment", text(facts.environment.as_ref())),
        ("panic", of_notice.and_then(|notice| text(notice.panic.as_ref()))),
        ("code", of_notice.and_then(|notice| text(notice.code.as_ref()))),
        ("cause", of_notice.and_then(|notice| text(notice.cause.as_ref()))),
        ("signal", of_notice.and_then(|notice| text(notice.signal.as_ref()))),
    ];
    let mut fields = format!("[{FIELDS}");
    for (name, value) in rows {
        if let Some(value) = value {
            // A string can be written to.
            let _written = write!(fields, " {name}=\"{}\"", escaped(&value));
        }
    }
    fields.push(']');
    fields
}

fn text(field: Option<&crate::line::Text<'_>>) -> Option<String> {
    field.map(|text| text.to_string())
}

/// Longest value of a field.
const MAX_VALUE: usize = 200;

/// The three letters that end a value have a backslash before them; lines end in a space.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in beginning(value, MAX_VALUE).chars() {
        match letter {
            '"' | '\\' | ']' => text.extend(['\\', letter]),
            letter if letter.is_control() => text.push(' '),
            letter => text.push(letter),
        }
    }
    text
}
