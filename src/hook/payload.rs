//! What the panic itself says: place, message, type of the payload.
//!
//! Runs on: the panicking thread. Must not: allocate, panic; format anything but what the user registered
//! for it.

use core::any::Any;
use std::panic::PanicHookInfo;

use crate::config::PayloadExtractor;
use crate::record::{PayloadKind, RawFlag, RawRecord};

/// What core raises when a panic reaches the border of a function that must not unwind.
const CANNOT_UNWIND: &str = "panic in a function that cannot unwind";
/// What core raises when a destructor panics while the thread unwinds.
const IN_CLEANUP: &str = "panic in a destructor during cleanup";

/// Writes place and message.
///
/// # Cost
/// Bounded copies; no allocation unless a registered extractor allocates.
pub(super) fn write(record: &mut RawRecord, info: &PanicHookInfo<'_>, extractors: &[PayloadExtractor]) {
    match info.location() {
        Some(location) => {
            record.file.set(location.file());
            record.line = location.line();
            record.column = location.column();
        }
        None => record.set_flag(RawFlag::NoLocation),
    }
    write_message(record, info.payload(), extractors);
    note_core_panic(record);
}

fn write_message(record: &mut RawRecord, payload: &(dyn Any + Send), extractors: &[PayloadExtractor]) {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        record.payload = PayloadKind::Str as u8;
        record.message.set(text);
    } else if let Some(text) = payload.downcast_ref::<String>() {
        record.payload = PayloadKind::String as u8;
        record.message.set(text);
    } else {
        for extractor in extractors {
            // An error leaves what was written until then, which is better than nothing.
            if extractor.extract(payload, &mut record.message).is_some() {
                record.payload = PayloadKind::Registered as u8;
                record.type_name.set(extractor.type_name);
                record.set_flag(RawFlag::ExtractedMessage);
                return;
            }
        }
        record.payload = PayloadKind::Unknown as u8;
    }
}

/// Recognises the two panics that core raises itself while a thread unwinds, by place and text; a program
/// that raises the same text elsewhere is not taken for core.
fn note_core_panic(record: &mut RawRecord) {
    let file = record.file.as_str();
    if !file.ends_with("core/src/panicking.rs") && !file.ends_with("core\\src\\panicking.rs") {
        return;
    }
    let flag = match record.message.as_str() {
        CANNOT_UNWIND => RawFlag::CannotUnwind,
        IN_CLEANUP => RawFlag::InCleanup,
        _ => return,
    };
    record.set_flag(flag);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(payload: &(dyn Any + Send), extractors: &[PayloadExtractor]) -> Box<RawRecord> {
        let mut record = Box::new(RawRecord::new());
        write_message(&mut record, payload, extractors);
        record
    }

    #[test]
    fn texts_are_read_and_other_types_only_when_registered() {
        let registered = [PayloadExtractor::new(|code: &u64, out| write!(out, "code {code}"))];
        let text = written(&"literal", &[]);
        assert_eq!((text.message.as_str(), text.payload), ("literal", PayloadKind::Str as u8));
        let text = written(&"owned".to_owned(), &registered);
        assert_eq!((text.message.as_str(), text.payload), ("owned", PayloadKind::String as u8));
        let code = written(&7_u64, &registered);
        assert_eq!((code.message.as_str(), code.type_name.as_str()), ("code 7", "u64"));
        assert!(code.has_flag(RawFlag::ExtractedMessage));
        let other = written(&7_u32, &registered);
        assert_eq!((other.message.as_str(), other.payload), ("", PayloadKind::Unknown as u8));
    }

    #[test]
    fn only_core_itself_is_taken_for_core() {
        let mut record = written(&CANNOT_UNWIND, &[]);
        record.file.set("src/main.rs");
        note_core_panic(&mut record);
        assert!(!record.has_flag(RawFlag::CannotUnwind));
        record.file.set("/rustc/0123/library/core/src/panicking.rs");
        note_core_panic(&mut record);
        assert!(record.has_flag(RawFlag::CannotUnwind) && !record.has_flag(RawFlag::InCleanup));
        record.message.set(IN_CLEANUP);
        note_core_panic(&mut record);
        assert!(record.has_flag(RawFlag::InCleanup));
    }
}
