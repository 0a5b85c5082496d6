//! `sentry`: envelopes for Sentry and trackers that understand the same.
//!
//! Source: Sentry developer documentation: envelopes, event payloads, rate limiting.

mod dsn;
mod event;
mod notice;

use serde_json::json;

use super::Destination;
use crate::answer::Answer;
use crate::config::{Keys, Secret};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::http::Http;
use crate::record::Record;

use dsn::Dsn;

/// Our name towards the receiver.
const CLIENT: &str = concat!("panic-agent/", env!("CARGO_PKG_VERSION"));

#[derive(Debug)]
pub(super) struct Sentry {
    http: Http,
    /// It has a key in it, so it is a secret.
    dsn: Secret,
    /// The header with the key.
    auth: String,
}

impl Sentry {
    pub(super) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        let Some(dsn) = Secret::open(keys, "dsn_file", "dsn_env")? else {
            let why = "the key `dsn_file` or `dsn_env` is missing; put the DSN into a file or a variable, and name that";
            return Err(Failure::new(format!("{}: {why}", keys.place())));
        };
        let parsed = Dsn::parse(dsn.expose()).ok_or_else(|| {
            Failure::new(format!(
                "{}: what is there is no DSN; it looks like `http://KEY@HOST/PROJECT`",
                keys.place()
            ))
        })?;
        let http = Http::to(keys, parsed.envelope(), true)?;
        Ok(Self { http, dsn, auth: parsed.auth(CLIENT) })
    }
}

impl Destination for Sentry {
    /// An envelope has one event.
    fn most(&self) -> usize {
        1
    }

    fn send(&mut self, records: &[Record]) -> Answer {
        let mut answer = Answer::Delivered(None);
        for record in records {
            let Some(facts) = Facts::of(record) else {
                return Answer::Refused {
                    why: "its fields have other types than the schema says".to_owned(),
                };
            };
            let envelope = envelope(&facts, record);
            let auth = [("X-Sentry-Auth", self.auth.as_str())];
            answer = self.http.answer(self.http.post("application/x-sentry-envelope", &envelope, &auth));
        }
        match answer {
            Answer::Blocked { why } => Answer::Blocked { why: self.dsn.scrub(why) },
            other => other,
        }
    }

    fn refresh(&mut self) -> bool {
        let changed = self.dsn.refresh();
        if let Some(dsn) = Dsn::parse(self.dsn.expose()).filter(|_| changed) {
            self.auth = dsn.auth(CLIENT);
            self.http.redirect(dsn.envelope());
        }
        changed
    }
}

/// Three lines: header, header of the item, event.
fn envelope(facts: &Facts<'_>, record: &Record) -> Vec<u8> {
    let event = event::event(facts, record);
    let header = json!({ "event_id": event["event_id"], "sent_at": jiff::Timestamp::now().to_string() });
    let event = event.to_string();
    let item = json!({ "type": "event", "length": event.len() });
    format!("{header}\n{item}\n{event}\n").into_bytes()
}

#[cfg(test)]
mod tests;
