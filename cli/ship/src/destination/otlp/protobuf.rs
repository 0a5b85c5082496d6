//! Protocol buffers by hand: a few messages, and the tests compare them with the official types.
//!
//! Source: `opentelemetry/proto/{collector/logs,logs,resource,common}/v1`; the numbers are those of the fields there.

use super::{LogRecord, ResourceLogs};
use crate::attributes::{Attribute, Value};

/// Wire types.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// `ExportLogsServiceRequest`.
pub(super) fn request(logs: &[ResourceLogs]) -> Vec<u8> {
    let mut request = Message::default();
    for logs in logs {
        let (mut resource_logs, mut resource, mut scope_logs) =
            (Message::default(), Message::default(), Message::default());
        logs.resource.iter().for_each(|attribute| resource.message(1, &key_value(attribute)));
        let mut scope = Message::default();
        scope.text(1, "panic-agent");
        scope.text(2, env!("CARGO_PKG_VERSION"));
        scope_logs.message(1, &scope);
        logs.records.iter().for_each(|record| scope_logs.message(2, &log_record(record)));
        resource_logs.message(1, &resource);
        resource_logs.message(2, &scope_logs);
        request.message(1, &resource_logs);
    }
    request.0
}

fn log_record(record: &LogRecord) -> Message {
    let mut message = Message::default();
    message.fixed64(1, record.time);
    message.varint(2, u64::from(record.severity.number()));
    message.text(3, record.severity.text());
    let mut body = Message::default();
    body.text(1, &record.body);
    message.message(5, &body);
    record.attributes.iter().for_each(|attribute| message.message(6, &key_value(attribute)));
    record.trace.iter().for_each(|trace| message.bytes(9, trace));
    record.span.iter().for_each(|span| message.bytes(10, span));
    message.fixed64(11, record.observed);
    message.text(12, record.event);
    message
}

fn key_value((name, value): &Attribute) -> Message {
    let mut any = Message::default();
    match value {
        Value::Text(text) => any.text(1, text),
        Value::Flag(flag) => any.varint(2, u64::from(*flag)),
        Value::Number(number) => any.varint(3, number.cast_unsigned()),
    }
    let mut message = Message::default();
    message.text(1, name);
    message.message(2, &any);
    message
}

/// A message that is being written.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.raw_varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.raw_varint(value);
    }

    fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, BYTES);
        self.raw_varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u32, message: &Self) {
        self.bytes(field, &message.0);
    }
}

/// `rejected_log_records` and `error_message` of an `ExportLogsServiceResponse`. `None`: it says nothing of the kind.
pub(super) fn partial(body: &[u8]) -> Option<(u64, String)> {
    let partial = fields(body)?.into_iter().find_map(|(field, value)| match value {
        Read::Bytes(bytes) if field == 1 => Some(bytes),
        _ => None,
    })?;
    let (mut rejected, mut why) = (0, String::new());
    for (field, value) in fields(partial)? {
        match value {
            Read::Number(number) if field == 1 => rejected = number,
            Read::Bytes(text) if field == 2 => why = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
    Some((rejected, why))
}

enum Read<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message. `None`: it is none.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Read<'_>)>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let tag = read_varint(&mut rest)?;
        let length = match u32::try_from(tag & 7).ok()? {
            VARINT => {
                fields.push((tag >> 3, Read::Number(read_varint(&mut rest)?)));
                continue;
            }
            FIXED64 => 8,
            FIXED32 => 4,
            BYTES => usize::try_from(read_varint(&mut rest)?).ok()?,
            _ => return None,
        };
        let (bytes, after) = rest.split_at_checked(length)?;
        fields.push((tag >> 3, Read::Bytes(bytes)));
        rest = after;
    }
    Some(fields)
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
