//! Spans, a real OpenTelemetry layer, and a real subscriber that takes events: what reports know of spans, and what
//! subscribers get to know of reports.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use panic_agent::sink::MemorySink;
use panic_agent::tracing::{SpanLabels, TracingSink, layer};
use panic_agent::{Agent, catch, catch_silent};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::subscriber::with_default;
use tracing::{Event, Instrument as _, Subscriber, info_span};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

const LONG: Duration = Duration::from_secs(60);

type Fields = BTreeMap<String, String>;

/// Keeps the events of the agent.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Fields>>>);

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "panic_agent" {
            let mut taken = Taken(Fields::new());
            taken.0.insert("level".to_owned(), event.metadata().level().to_string());
            event.record(&mut taken);
            self.0.lock().unwrap().push(taken.0);
        }
    }
}

struct Taken(Fields);

impl Visit for Taken {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

/// The labels of the panic that is raised here, by its report.
fn labels_here() -> BTreeMap<String, String> {
    let caught = catch_silent(|| panic!("labels")).unwrap_err();
    caught.report_within(LONG).expect("a report").labels.clone()
}

/// The ids of the current span, by OpenTelemetry itself.
fn ids() -> [String; 2] {
    let context = tracing::Span::current().context();
    let context = context.span().span_context().clone();
    assert!(context.is_valid());
    [context.trace_id().to_string(), context.span_id().to_string()]
}

fn ids_in(labels: &BTreeMap<String, String>) -> [String; 2] {
    ["trace_id", "span_id"].map(|key| labels.get(key).cloned().unwrap_or_default())
}

fn tracer() -> SdkTracer {
    SdkTracerProvider::builder().build().tracer("test")
}

/// What must hold whichever layer was added first.
fn reports_have_the_ids_of_the_innermost_span() {
    assert_eq!(ids_in(&labels_here()), ["", ""], "outside of spans");
    let outer = info_span!("outer").entered();
    let of_outer = ids();
    assert_eq!(ids_in(&labels_here()), of_outer);
    {
        let _inner = info_span!("inner", number = 2).entered();
        let (of_inner, labels) = (ids(), labels_here());
        assert_eq!(ids_in(&labels), of_inner);
        assert_eq!(
            (&labels["span"], &labels["spans"], &labels["number"]),
            (&"inner".to_owned(), &"outer:inner".to_owned(), &"2".to_owned())
        );
        assert_eq!(of_inner[0], of_outer[0], "one trace");
        assert_ne!(of_inner[1], of_outer[1], "two spans");
        // What a thread is given with its start.
        let child = panic_agent::spawn(labels_here).join().unwrap();
        assert_eq!(ids_in(&child), of_inner);
    }
    assert_eq!(ids_in(&labels_here()), of_outer, "the inner one is left");
    drop(outer);
    assert_eq!(ids_in(&labels_here()), ["", ""], "all are left");
}

fn telemetry<S>() -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer().with_tracer(tracer())
}

fn open_telemetry_is_asked_in_any_order() {
    let first = Registry::default().with(telemetry()).with(layer());
    with_default(first, reports_have_the_ids_of_the_innermost_span);
    let last = Registry::default().with(layer()).with(telemetry());
    with_default(last, reports_have_the_ids_of_the_innermost_span);
    let passive = Registry::default().with(telemetry().with_context_activation(false)).with(layer());
    with_default(passive, reports_have_the_ids_of_the_innermost_span);
}

fn spans_that_nobody_follows_have_no_ids() {
    let alone = Registry::default().with(layer());
    let untold: SpanLabels = layer().without_trace_ids();
    let not_asked = Registry::default().with(telemetry()).with(untold);
    // The layer without a tracer makes spans without ids.
    let no_tracer = Registry::default().with(tracing_opentelemetry::layer()).with(layer());
    let check = || {
        let _span = info_span!("alone").entered();
        let labels = labels_here();
        assert_eq!((ids_in(&labels), labels["span"].as_str()), (["".to_owned(), "".to_owned()], "alone"));
    };
    with_default(alone, check);
    with_default(not_asked, check);
    with_default(no_tracer, check);
}

/// Tasks on several threads, each in a span of its own: never the ids of another.
fn ids_follow_tasks() {
    // A runtime's threads have the global subscriber.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let task = |number: u32| async move {
        let own = ids();
        for _ in 0..5 {
            tokio::task::yield_now().await;
            let labels = labels_here();
            assert_eq!(ids_in(&labels), own);
            assert_eq!(labels["number"], number.to_string());
        }
        own
    };
    let mut seen: Vec<_> = runtime.block_on(async {
        let tasks: Vec<_> = (0..20)
            .map(|number| tokio::spawn(task(number).instrument(info_span!(parent: None, "task", number))))
            .collect();
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(task.await.unwrap());
        }
        seen
    });
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20, "each task has a trace of its own");
}

/// Events of one panic, by kind and level.
fn events_of(events: &[Fields], id: &Value) -> Vec<(String, String)> {
    let id = id.as_str().unwrap();
    let about = events.iter().filter(|event| event.get("id").is_some_and(|about| about == id));
    about.map(|event| (event["kind"].clone(), event["level"].clone())).collect()
}

fn every_panic_and_verdict_and_finding_is_an_event(events: &Events, lines: &MemorySink) {
    // What becomes of a panic after its own line is told by a verdict.
    let swallowed = catch(|| panic!("swallowed")).unwrap_err();
    let read = catch(|| panic!("read")).unwrap_err();
    let died = panic_agent::spawn(|| panic!("died")).join();
    assert!(panic_agent::flush(LONG));
    assert_eq!(read.message(), Some("read"));
    drop((swallowed, read, died));
    // This one is over before its line is written: there is nothing to add.
    drop(catch(|| panic!("over")));
    let group = panic_agent::task::TaskGroup::<(), ()>::new();
    group.spawn(|_| Ok(()));
    drop(group);
    let told = |message: &str| {
        let lines = lines.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
        lines.filter(|line| line["message"] == message).collect::<Vec<_>>()
    };
    for (message, level, receipt) in
        [("swallowed", "WARN", "Received"), ("read", "WARN", "Read"), ("died", "ERROR", "Received")]
    {
        // Verdicts come when nothing more is to be expected.
        while !told(message).iter().any(|line| line["kind"] == "verdict") {
            assert!(panic_agent::flush(LONG));
        }
        assert!(panic_agent::flush(LONG));
        let lines = told(message);
        let kind = |line: &Value| (line["kind"].as_str().unwrap().to_owned(), level.to_owned());
        let found = events.0.lock().unwrap().clone();
        assert_eq!(events_of(&found, &lines[0]["id"]), lines.iter().map(kind).collect::<Vec<_>>());
        let last = |text: String| found.iter().rfind(|event| event["message"] == text).expect("an event");
        let panic = last(format!("panic: {message}"));
        assert!(panic["place"].contains("spans.rs"), "{panic:?}");
        assert_eq!(panic["receipt"], "Pending", "{panic:?}");
        let verdict = last(format!("verdict: {message}"));
        assert_eq!(verdict["receipt"], receipt, "{verdict:?}");
    }
    while told("over").is_empty() {
        assert!(panic_agent::flush(LONG));
    }
    assert_eq!(
        events_of(&events.0.lock().unwrap(), &told("over")[0]["id"])[0],
        ("panic".into(), "WARN".into())
    );
    let found = events.0.lock().unwrap().clone();
    let findings: Vec<_> = found.iter().filter(|event| event["kind"] == "finding").collect();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0]["code"].as_str(), findings[0]["level"].as_str()), ("group_dropped", "ERROR"));
}

/// One process has one agent and one global subscriber, so this is one test.
#[test]
fn spans_are_in_reports_and_reports_are_events() {
    let (events, lines) = (Events::default(), MemorySink::new());
    let global = Registry::default().with(telemetry()).with(layer()).with(events.clone());
    tracing::subscriber::set_global_default(global).unwrap();
    let _agent =
        Agent::builder().sink(lines.clone()).sink(TracingSink::new()).flush_deadline(LONG).install().unwrap();
    every_panic_and_verdict_and_finding_is_an_event(&events, &lines);
    open_telemetry_is_asked_in_any_order();
    spans_that_nobody_follows_have_no_ids();
    ids_follow_tasks();
}
