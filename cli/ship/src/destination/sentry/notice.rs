//! What is told of a process, as an event: no exception, a message with the fields of the line beside it.

use serde_json::{Map, Value};

use crate::line::{OF_EVERY_LINE, Text};
use crate::notice::Notice;
use crate::record::{Event, Record};

/// What is one issue: findings of one code, deaths of one cause, losses.
pub(super) fn group(record: &Record) -> String {
    let notice = Notice::of(record);
    let word = |text: Option<&Text<'_>>| text.map_or("unknown".to_owned(), |text| text.to_string());
    let notice = notice.as_ref();
    match record.event {
        Event::Finding => format!("finding:{}", word(notice.and_then(|notice| notice.code.as_ref()))),
        Event::Death => {
            let cause = word(notice.and_then(|notice| notice.cause.as_ref()));
            format!("death:{cause}:{}", word(notice.and_then(|notice| notice.signal.as_ref())))
        }
        _ => "losses".to_owned(),
    }
}

/// Adds what such a line says.
pub(super) fn fill(event: &mut Map<String, Value>, record: &Record) {
    let mut line: Map<String, Value> = serde_json::from_slice(&record.line).unwrap_or_default();
    // These are said elsewhere in the event.
    line.retain(|name, _| {
        !OF_EVERY_LINE.contains(&name.as_str()) && !matches!(name.as_str(), "level" | "message")
    });
    let mut tags = Map::from_iter([("event".to_owned(), Value::from(record.event.name()))]);
    for (tag, field) in [("panic.id", "panic"), ("code", "code"), ("cause", "cause"), ("signal", "signal")] {
        tags.extend(
            line.get(field).filter(|value| value.is_string()).map(|value| (tag.to_owned(), value.clone())),
        );
    }
    event.insert("tags".to_owned(), Value::Object(tags));
    event.insert("extra".to_owned(), Value::Object(line));
    // It has no verdict.
    event.remove("contexts");
}
