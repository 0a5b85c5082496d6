use super::*;
use crate::line::Outline;
use crate::record::Event;

const LINE: &str = r#"{"kind":"panic","id":"a-1","ts":"2026-11-28T08:00:00.123456789Z","ts_ms":1795852800123,"pid":7,"service":"my shop é","host":null,"message":"end byte index 1\nis \"none\"","fingerprint":"f1","fate":"thread_died","silent":true,"thread":"a]\"\\b\n"}"#;

fn record() -> Record {
    let outline = Outline::of(LINE.as_bytes()).unwrap();
    let (id, ts_ms, word) = (outline.id.to_string(), outline.ts_ms, outline.word());
    Record { event: Event::Panic, id, ts_ms, word, line: LINE.into(), root: None, lines: vec![] }
}

fn message(form: Form, word: &str, max_bytes: usize) -> String {
    let format = crate::format::Format::of_word(word);
    let (shape, record) = (Shape { form, format, facility: 16, max_bytes }, record());
    String::from_utf8(shape.message(&Facts::of(&record).unwrap(), &record)).unwrap()
}

#[test]
fn a_message_is_as_the_specification_wants_it() {
    let head = r#"<131>1 2026-11-28T08:00:00.123456Z - myshop 7 rust.panic [panic@32473 uid="a-1" id="a-1" fingerprint="f1" fate="thread_died" silent="true" thread="a\]\"\\b "]"#;
    assert_eq!(message(Form::Rfc5424, "text", 4096), format!("{head} end byte index 1\nis \"none\""));
    assert_eq!(message(Form::Rfc5424, "lines", 4096), format!("{head} {LINE}"));
    // Text is cut between letters, JSON is not.
    assert_eq!(message(Form::Rfc5424, "text", head.len() + 4), format!("{head} end"));
    assert_eq!(message(Form::Rfc5424, "lines", head.len() + 4), format!("{head} {LINE}"));
    let local = message(Form::Local, "text", 4096);
    assert!(local.starts_with("<131>Nov 28 ") && local.contains(" myshop[7]: end byte"), "{local}");
}

#[test]
fn addresses_are_told_apart() {
    let to = |text: &str| To::parse(&Text { text: text.to_owned(), key: "url".to_owned(), span: 0..0 });
    assert!(matches!(to("udp://[::1]:514"), Some(To::Udp(_))));
    assert!(matches!(to("tcp://host:601"), Some(To::Tcp(_))));
    assert!(matches!(to("unix:///dev/log"), Some(To::Socket(_))));
    for text in ["", "host:601", "tcp://host", "tcp://:601", "udp://host:x", "unix://dev/log", "http://h:1"] {
        assert!(to(text).is_none(), "{text}");
    }
}
