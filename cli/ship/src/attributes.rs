//! Records by the conventions of OpenTelemetry, whatever the wire: a resource, and attributes.
//!
//! Source: OpenTelemetry semantic conventions: exceptions in logs (stable), code, thread, service, host, deployment, k8s.
//!
//! Runs on: the thread of a destination.

use std::borrow::Cow;

use super::facts::Facts;
use super::notice::Notice;
use super::record::{Event, Record};

/// Value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
}

/// A name and a value.
pub(crate) type Attribute = (Cow<'static, str>, Value);

/// Attributes, one after the other; what is not known is left out.
#[derive(Debug, Default)]
struct List(Vec<Attribute>);

impl List {
    fn text(&mut self, name: impl Into<Cow<'static, str>>, value: Option<&str>) {
        if let Some(value) = value {
            self.0.push((name.into(), Value::Text(value.to_owned())));
        }
    }

    fn number(&mut self, name: impl Into<Cow<'static, str>>, value: Option<i64>) {
        self.0.extend(value.map(|value| (name.into(), Value::Number(value))));
    }

    fn flag(&mut self, name: &'static str, value: Option<bool>) {
        self.0.extend(value.map(|value| (name.into(), Value::Flag(value))));
    }
}

/// Who panicked. `more` is what the environment says of this host.
pub(crate) fn resource(facts: &Facts<'_>, record: &Record, more: &[Attribute]) -> Vec<Attribute> {
    let mut list = List::default();
    list.text("service.name", Some(facts.service.as_deref().unwrap_or("unknown_service")));
    list.text("service.version", facts.version.as_deref());
    list.text("service.instance.id", record.id.split('-').next());
    list.text("deployment.environment.name", facts.environment.as_deref());
    list.text("host.name", facts.host.as_deref());
    list.number("process.pid", Some(facts.pid));
    for (name, value) in more {
        // What the line says is nearer to the panic than what the shipper was started with.
        if !list
            .0
            .iter()
            .any(|(known, value)| known == name && *value != Value::Text("unknown_service".into()))
        {
            list.0.retain(|(known, _)| known != name);
            list.0.push((name.clone(), value.clone()));
        }
    }
    list.0
}

/// `OTEL_RESOURCE_ATTRIBUTES`: `k8s.pod.name=checkout-1,k8s.namespace.name=shop`.
pub(crate) fn of_environment() -> Vec<Attribute> {
    let text = std::env::var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned().into(), Value::Text(unescaped(value.trim())))).collect()
}

/// Percent-encoding, as the specification of the variable wants it.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What happened.
pub(crate) fn attributes(facts: &Facts<'_>, record: &Record) -> Vec<Attribute> {
    let mut list = List::default();
    list.text("log.record.uid", Some(&record.uid()));
    // A verdict is no exception: the exception was reported before, once.
    if record.event == Event::Panic {
        list.text("exception.type", Some("panic"));
        list.text("exception.message", facts.message.as_deref());
        list.text("exception.stacktrace", Some(facts.stack().as_str()).filter(|stack| !stack.is_empty()));
        list.text("panic.payload_type", facts.payload_type.as_deref());
    }
    if !record.event.is_of_panic() {
        notice(&mut list, record);
        return list.0;
    }
    list.text("thread.name", facts.thread.as_deref());
    list.number("thread.id", facts.thread_facts.os_id);
    list.text("code.function.name", facts.function());
    if let Some(location) = &facts.location {
        list.text("code.file.path", Some(&location.file));
        list.number("code.line.number", Some(location.line));
        list.number("code.column.number", Some(location.column));
    }
    list.text("panic.id", Some(&record.id));
    list.text("panic.fingerprint", facts.fingerprint.as_deref());
    list.text("panic.incident", facts.incident.as_deref());
    list.text("panic.incident_fingerprint", record.root.as_ref().map(|root| root.fingerprint.as_str()));
    list.text("panic.relation", facts.relation.as_deref());
    list.text("panic.fate", facts.fate.as_deref());
    list.text("panic.receipt", facts.receipt.as_deref());
    list.text("panic.basis", facts.basis.as_deref());
    list.flag("panic.handled", Some(facts.is_handled()));
    list.flag("panic.uncaught", facts.uncaught);
    list.flag("panic.silent", facts.silent);
    list.flag("panic.swallowed", facts.swallowed);
    list.text("panic.reason", facts.reason.as_deref());
    if let Some(landing) = &facts.landing {
        list.text("panic.landing.kind", landing.kind.as_deref());
        list.text("panic.landing.function", landing.function.as_deref());
    }
    for (name, value) in &facts.labels {
        list.text(format!("panic.label.{}", &**name), Some(value));
    }
    list.0
}

/// What is told of a process.
fn notice(list: &mut List, record: &Record) {
    let Some(notice) = Notice::of(record) else { return };
    list.text("panic.id", notice.panic.as_deref());
    if let Some(place) = notice.places.first() {
        list.text("code.function.name", place.function.as_deref());
        list.text("code.file.path", place.file.as_deref());
        list.number("code.line.number", place.line);
    }
    list.text("panic.finding.code", notice.code.as_deref());
    for (reason, count) in notice.losses.iter().flatten().filter(|(_, count)| **count > 0) {
        list.number(format!("panic.losses.{reason}"), i64::try_from(*count).ok());
    }
    for (what, count) in notice.probes.iter().flatten().filter(|(_, count)| **count > 0) {
        list.number(format!("panic.losses.probes.{what}"), i64::try_from(*count).ok());
    }
    list.text("process.death.cause", notice.cause.as_deref());
    list.text("process.death.basis", notice.basis.as_deref());
    list.text("process.death.signal", notice.signal.as_deref());
    list.text("process.death.stderr", notice.stderr.as_deref());
    list.number("process.death.starts", notice.starts);
    list.number("process.death.restart_in_ms", notice.restart_in_ms);
    list.number("process.exit.code", notice.status);
    let panics = notice.panics().join(",");
    list.text("process.death.panics", Some(panics.as_str()).filter(|panics| !panics.is_empty()));
}
