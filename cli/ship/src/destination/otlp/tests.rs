//! What is written by hand, read by the official types.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::attributes::Value;

fn values() -> impl Strategy<Value = Attribute> {
    let value = prop_oneof![
        any::<String>().prop_map(Value::Text),
        any::<i64>().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Flag)
    ];
    ("[a-z.]{1,12}".prop_map(Into::into), value)
}

prop_compose! {
    fn records()(
        times in any::<(u64, u64)>(),
        body in any::<String>(),
        attributes in prop::collection::vec(values(), 0..6),
        trace in prop::option::of(any::<[u8; 16]>()),
        span in prop::option::of(any::<[u8; 8]>()),
        severity in prop::sample::select(&[Severity::Warn, Severity::Error, Severity::Fatal][..]),
    ) -> LogRecord {
        LogRecord { time: times.0, observed: times.1, severity, event: "rust.panic", body, attributes, trace, span }
    }
}

fn key_value((name, value): &Attribute) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text.clone()),
        Value::Number(number) => any_value::Value::IntValue(*number),
        Value::Flag(flag) => any_value::Value::BoolValue(*flag),
    };
    KeyValue { key: name.to_string(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_official_types_read_what_was_meant(
        resource in prop::collection::vec(values(), 0..4),
        records in prop::collection::vec(records(), 0..4),
    ) {
        let logs = [ResourceLogs { resource, records }];
        let read = ExportLogsServiceRequest::decode(&protobuf::request(&logs)[..]).unwrap();
        let json: ExportLogsServiceRequest = serde_json::from_slice(&json::request(&logs)).unwrap();
        prop_assert_eq!(&json, &read);
        let [logs] = logs;
        let [read] = &read.resource_logs[..] else { panic!("one resource") };
        let expected: Vec<_> = logs.resource.iter().map(key_value).collect();
        prop_assert_eq!(&read.resource.as_ref().unwrap().attributes, &expected);
        prop_assert_eq!(read.scope_logs[0].log_records.len(), logs.records.len());
        for (record, read) in logs.records.iter().zip(&read.scope_logs[0].log_records) {
            prop_assert_eq!((read.time_unix_nano, read.observed_time_unix_nano), (record.time, record.observed));
            prop_assert_eq!(read.severity_number, i32::from(record.severity.number()));
            prop_assert_eq!((read.severity_text.as_str(), read.event_name.as_str()), (record.severity.text(), record.event));
            let body = any_value::Value::StringValue(record.body.clone());
            prop_assert_eq!(read.body.as_ref().unwrap().value.as_ref(), Some(&body));
            prop_assert_eq!(&read.attributes, &record.attributes.iter().map(key_value).collect::<Vec<_>>());
            prop_assert_eq!(&read.trace_id[..], record.trace.as_ref().map_or(&[][..], |trace| trace));
            prop_assert_eq!(&read.span_id[..], record.span.as_ref().map_or(&[][..], |span| span));
        }
    }

    #[test]
    fn what_is_no_answer_says_nothing_and_does_no_harm(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let _partial = (protobuf::partial(&body), json::partial(&body));
    }
}

#[test]
fn only_a_number_of_rejected_records_is_a_rejection() {
    let answer = |rejected| {
        let partial =
            ExportLogsPartialSuccess { rejected_log_records: rejected, error_message: "too old".to_owned() };
        protobuf::partial(&ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec())
    };
    assert_eq!(answer(3), Some((3, "too old".to_owned())));
    assert_eq!(answer(0), Some((0, "too old".to_owned())));
    assert_eq!((protobuf::partial(b""), protobuf::partial(b"\x0a\x00")), (None, Some((0, String::new()))));
    assert_eq!(json::partial(b"{\"partialSuccess\":null}"), None);
    assert_eq!(json::partial(b"{\"partialSuccess\":{}}"), None);
    let said = json::partial(br#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"no"}}"#);
    assert_eq!(said, Some((2, "no".to_owned())));
}

#[test]
fn ids_are_hex_of_the_right_length() {
    assert_eq!(bytes::<2>("0aff"), Some([10, 255]));
    for text in ["", "0000", "0af", "0afg", "0aff0", "äx"] {
        assert_eq!(bytes::<2>(text), None, "{text}");
    }
}
