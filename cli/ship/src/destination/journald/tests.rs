use super::*;
use crate::line::Outline;
use crate::record::Event;

fn entry(event: Event, line: &str) -> Entry {
    let outline = Outline::of(line.as_bytes()).unwrap();
    let (id, ts_ms, word) = (outline.id.to_string(), outline.ts_ms, outline.word());
    let record = Record { event, id, ts_ms, word, line: line.as_bytes().to_vec(), root: None, lines: vec![] };
    Entry::of(&Facts::of(&record).unwrap(), &record)
}

#[test]
fn a_value_of_several_lines_has_its_length_before_it_and_every_name_is_one_that_the_journal_takes() {
    let long = "x".repeat(80);
    let line = format!(
        r#"{{"kind":"panic","id":"a-1","ts":"2026-11-28T08:00:00.000000001Z","ts_ms":1795852800000,"pid":7,"service":"shop","message":"one\ntwo","fate":"aborted","labels":{{"http.méthod":"GET","{long}":"é"}},"frames":[]}}"#
    );
    let bytes = entry(Event::Panic, &line).into_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(bytes.starts_with(b"MESSAGE\n\x07\0\0\0\0\0\0\0one\ntwo\nMESSAGE_ID="), "{text}");
    for part in [
        "\nPRIORITY=2\n",
        "\nSYSLOG_IDENTIFIER=shop\n",
        "\nPANIC_LABEL_HTTP_M_THOD=GET\n",
        "\nPANIC_FATE=aborted\n",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    for name in names {
        let plain = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == b'_';
        assert!(name.bytes().all(plain) && name.len() <= 64 && !name.starts_with('_'), "{name}");
    }
    let export = entry(Event::Panic, &line).into_export();
    assert!(
        export.starts_with(b"__REALTIME_TIMESTAMP=1795852800000000\nMESSAGE\n") && export.ends_with(b"\n\n")
    );
}

#[test]
fn each_event_has_a_message_id_of_its_own() {
    let head = r#""id":"a","ts_ms":7,"level":"warn","message":"m""#;
    let id = |event, kind: &str| {
        let text =
            String::from_utf8(entry(event, &format!(r#"{{"kind":"{kind}",{head}}}"#)).into_bytes()).unwrap();
        text.lines().find_map(|line| line.strip_prefix("MESSAGE_ID=")).unwrap().to_owned()
    };
    let ids = [
        (Event::Finding, "finding"),
        (Event::Losses, "losses"),
        (Event::End, "end"),
        (Event::Death, "death"),
    ]
    .map(|(event, kind)| id(event, kind));
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit())));
}
