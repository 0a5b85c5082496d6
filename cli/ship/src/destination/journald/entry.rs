//! A record as an entry of the journal: fields by name, of text or bytes.

use crate::attributes::{Value, attributes, resource};
use crate::facts::Facts;
use crate::record::{Event, Record};

/// Longest name of a field that journald takes.
const MAX_NAME: usize = 64;

/// Names that the journal has for what conventions name otherwise.
const KNOWN: [(&str, &str); 8] = [
    ("code.file.path", "CODE_FILE"),
    ("code.function.name", "CODE_FUNC"),
    ("code.line.number", "CODE_LINE"),
    ("exception.message", "EXCEPTION_MESSAGE"),
    ("host.name", "PANIC_HOST"),
    ("process.pid", "SYSLOG_PID"),
    ("service.name", "SYSLOG_IDENTIFIER"),
    ("thread.id", "TID"),
];

/// Names and values, each with its newline.
#[derive(Debug)]
pub(super) struct Entry {
    bytes: Vec<u8>,
    /// Microseconds since the Unix epoch.
    time: u64,
}

impl Entry {
    pub(super) fn of(facts: &Facts<'_>, record: &Record) -> Self {
        let mut entry = Self { bytes: Vec::new(), time: facts.nanos() / 1000 };
        entry.put("MESSAGE", facts.text());
        entry.put("MESSAGE_ID", message_id(record.event));
        entry.put("PRIORITY", &facts.severity().of_syslog().to_string());
        entry.put("PANIC_EVENT", record.event.name());
        entry.put("PANIC_TIME", &facts.time());
        for (name, value) in resource(facts, record, &[]).into_iter().chain(attributes(facts, record)) {
            let text = match value {
                Value::Text(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Flag(flag) => flag.to_string(),
            };
            entry.put(&field(&name), &text);
        }
        entry
    }

    /// `NAME=value`, or, where the value has several lines, the name, its length and the value.
    fn put(&mut self, name: &str, value: &str) {
        self.bytes.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.bytes.push(b'\n');
            self.bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            self.bytes.push(b'=');
        }
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(b'\n');
    }

    /// For the socket.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The same with its time, and the empty line that ends it, for another machine.
    pub(super) fn into_export(self) -> Vec<u8> {
        let mut export = format!("__REALTIME_TIMESTAMP={}\n", self.time).into_bytes();
        export.extend_from_slice(&self.bytes);
        export.push(b'\n');
        export
    }
}

/// `panic.label.http.method` becomes `PANIC_LABEL_HTTP_METHOD`.
fn field(name: &str) -> String {
    if let Some((_, known)) = KNOWN.iter().find(|(known, _)| *known == name) {
        return (*known).to_owned();
    }
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(letter).take(MAX_NAME).collect();
    name
}

/// What `journalctl MESSAGE_ID=` finds all of one kind by.
fn message_id(event: Event) -> &'static str {
    match event {
        Event::Panic => "5bd3c1f07a2e4d6c9e18f2a47c603b91",
        Event::Verdict => "9f0e6a2c41d74b8fa3c5d7e81b294f60",
        Event::Finding => "c2a84e6f0d3b49719e5f6a1c8d7b3042",
        Event::Losses => "7e19b4d2f6c84a0b8d35e2f190a7c6d4",
        Event::End => "1d6f8c3a9b5e47209c4e7f02a8b1d365",
        Event::Death => "e40b7a95c1d2463f8b0f9d6e3a5c7218",
    }
}
