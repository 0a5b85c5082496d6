//! `loki`: the push interface of Grafana Loki, as JSON.
//!
//! Few labels, because each combination is a stream: service, environment, severity. What has many values is structured
//! metadata. Equal time, stream and line are one entry there, so what is sent again does no harm.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::Destination;
use crate::answer::Answer;
use crate::config::Keys;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::http::Http;
use crate::notice::Notice;
use crate::record::Record;

#[derive(Debug)]
pub(super) struct Loki {
    http: Http,
    tenant: Option<String>,
}

impl Loki {
    pub(super) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        let tenant = keys.text("tenant")?.map(|tenant| tenant.text);
        Ok(Self { http: Http::open(keys, true)?, tenant })
    }
}

impl Destination for Loki {
    fn send(&mut self, records: &[Record]) -> Answer {
        let tenant = self.tenant.as_deref().map(|tenant| ("X-Scope-OrgID", tenant));
        let more: Vec<(&str, &str)> = tenant.into_iter().collect();
        let answer = self.http.post("application/json", &push(records), &more);
        self.http.answer(answer)
    }

    fn refresh(&mut self) -> bool {
        self.http.refresh()
    }
}

/// Time in nanoseconds, line, structured metadata.
type Entry<'a> = (String, Cow<'a, str>, BTreeMap<&'static str, String>);

#[derive(Serialize)]
struct Push<'a> {
    streams: Vec<Stream<'a>>,
}

#[derive(Serialize)]
struct Stream<'a> {
    stream: BTreeMap<&'static str, String>,
    values: Vec<Entry<'a>>,
}

/// The body of a push, by stream.
fn push(records: &[Record]) -> Vec<u8> {
    let mut streams: BTreeMap<BTreeMap<&'static str, String>, Vec<Entry<'_>>> = BTreeMap::new();
    for record in records {
        let Some(facts) = Facts::of(record) else { continue };
        let severity = facts.severity().text().to_lowercase();
        let mut labels = BTreeMap::from([
            ("source", "panic-agent".to_owned()),
            ("service_name", facts.service.as_deref().unwrap_or("unknown_service").to_owned()),
            ("level", severity),
        ]);
        labels
            .extend(facts.environment.as_deref().map(|environment| ("environment", environment.to_owned())));
        let notice = Notice::of(record);
        let id = Some(record.id.as_str()).filter(|_| record.event.is_of_panic());
        let metadata = [
            ("event", Some(record.event.name())),
            ("panic_id", id.or(notice.as_ref().and_then(|notice| notice.panic.as_deref()))),
            ("code", notice.as_ref().and_then(|notice| notice.code.as_deref())),
            ("cause", notice.as_ref().and_then(|notice| notice.cause.as_deref())),
            ("fingerprint", facts.fingerprint.as_deref()),
            ("incident", facts.incident.as_deref()),
            ("fate", facts.fate.as_deref()),
            ("receipt", facts.receipt.as_deref()),
            ("host", facts.host.as_deref()),
            ("version", facts.version.as_deref()),
            ("silent", facts.silent.map(|silent| if silent { "true" } else { "false" })),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.to_owned())))
        .collect();
        let line = String::from_utf8_lossy(&record.line);
        streams.entry(labels).or_default().push((facts.nanos().to_string(), line, metadata));
    }
    let streams = streams.into_iter().map(|(stream, values)| Stream { stream, values }).collect();
    // Texts in memory cannot fail.
    serde_json::to_vec(&Push { streams }).unwrap_or_default()
}
