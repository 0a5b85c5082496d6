//! Spans of `tracing` as labels, and an event per verdict. Feature `tracing`.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! let subscriber = tracing_subscriber::registry().with(panic_agent::tracing::layer());
//! tracing::subscriber::with_default(subscriber, || {
//!     let _span = tracing::info_span!("order", number = 17).entered();
//!     // A panic here has the labels `span` = `order` and `number` = `17`.
//! });
//! ```

use core::cell::RefCell;
use core::fmt;
use std::io;

use ::tracing::field::{Field, Visit};
use ::tracing::span::{Attributes, Id, Record};
use ::tracing::{Subscriber, error, info, warn};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::capture::labels::{LabelGuard, label};
use crate::record::{Level, Line, LineKind, Report, VerdictLine};
use crate::sink::Sink;

/// Spans that are entered on a thread at a time and become labels; what lies deeper does not.
const DEEPEST: usize = 64;

thread_local! {
    /// Labels of the spans that are entered on this thread, outermost first.
    static ENTERED: RefCell<Vec<(Id, Vec<LabelGuard>)>> = const { RefCell::new(Vec::new()) };
}

/// A layer that puts each span's name (label `span`) and fields in force as labels while the span is entered. The
/// innermost span wins where keys are equal.
///
/// The texts are made when a span is created or records a value, never in the hook.
pub fn layer() -> SpanLabels {
    SpanLabels(())
}

/// See [`layer`].
#[derive(Clone, Copy, Debug)]
pub struct SpanLabels(());

/// Texts of a span's fields, in its extensions.
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}"));
    }
}

impl Fields {
    fn set(&mut self, name: &'static str, value: String) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanLabels {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields(Vec::new());
        attributes.record(&mut fields);
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let extensions = span.extensions();
        let fields = extensions.get::<Fields>().map(|fields| fields.0.as_slice()).unwrap_or_default();
        let texts = fields.iter().map(|(name, value)| (*name, value.as_str()));
        // Without thread-locals the thread is about to end.
        let _ = ENTERED.try_with(|entered| {
            let Ok(mut entered) = entered.try_borrow_mut() else { return };
            if entered.len() < DEEPEST {
                let labels = std::iter::once(("span", span.name())).chain(texts);
                entered.push((id.clone(), labels.map(|(key, value)| label(key, value)).collect()));
            }
        });
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let _ = ENTERED.try_with(|entered| {
            let Ok(mut entered) = entered.try_borrow_mut() else { return };
            if let Some(at) = entered.iter().rposition(|(known, _)| known == id) {
                entered.remove(at);
            }
        });
    }
}

/// A sink that makes an event of each panic and each verdict: `error` for `error` and `fatal`, `warn` for what
/// something caught, target `panic_agent`. Events come from the agent's own thread, so they need a global
/// subscriber.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

impl TracingSink {
    /// A sink for [`AgentBuilder::sink`](crate::AgentBuilder::sink).
    pub fn new() -> Self {
        Self
    }
}

macro_rules! at_level {
    ($level:expr, $($fields:tt)*) => {
        match $level {
            Level::Info => info!(target: "panic_agent", $($fields)*),
            Level::Warn => warn!(target: "panic_agent", $($fields)*),
            Level::Error | Level::Fatal => error!(target: "panic_agent", $($fields)*),
        }
    };
}

impl Sink for TracingSink {
    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        match (line.kind, line.report) {
            (LineKind::Panic, Some(report)) => {
                let Report { level, id, fate, thread, location, labels, .. } = &**report;
                let place = location.as_ref().map(|at| format!("{}:{}:{}", at.file, at.line, at.column));
                let (thread, place) = (thread.as_deref(), place.as_deref());
                at_level!(level, %id, ?fate, thread, place, ?labels, "panic: {}", report.summary());
            }
            (LineKind::Verdict, _) => {
                let verdict: VerdictLine = serde_json::from_slice(line.json).map_err(io::Error::other)?;
                let VerdictLine { level, id, fate, receipt, basis, silent, message, .. } = verdict;
                let message = message.as_deref().unwrap_or("(payload is not a text)");
                at_level!(level, %id, ?fate, ?receipt, ?basis, silent, "verdict: {message}");
            }
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::capture::labels::in_force;
    use ::tracing::{Instrument as _, info_span, subscriber::with_default};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn spans_are_labels_while_they_are_entered_and_not_before_or_after() {
        with_default(tracing_subscriber::registry().with(layer()), || {
            let outer = info_span!("outer", number = 1, late = ::tracing::field::Empty);
            assert!(in_force().is_empty());
            let entered = outer.enter();
            assert_eq!(in_force(), ["span=outer", "number=1"]);
            {
                let _inner = info_span!("inner", number = "two").entered();
                assert_eq!(in_force()[2..], ["span=inner", "number=two"]);
            }
            drop(entered);
            outer.record("late", true);
            assert!(in_force().is_empty());
            let _again = outer.enter();
            assert_eq!(in_force(), ["span=outer", "number=1", "late=true"]);
        });
    }

    #[test]
    fn a_panic_inside_an_instrumented_future_leaves_no_label() {
        with_default(tracing_subscriber::registry().with(layer()), || {
            let future = async { panic!("inside") }.instrument(info_span!("task"));
            let mut future = Box::pin(future);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let caught = crate::catch_silent(|| {
                let _ready: std::task::Poll<()> = future.as_mut().poll(&mut context);
            });
            assert_eq!(caught.unwrap_err().message(), Some("inside"));
            assert!(in_force().is_empty());
        });
    }
}
