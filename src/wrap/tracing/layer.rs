//! Labels of the spans that are entered.
//!
//! Runs on: threads that enter spans. Must not: leave anything to be done in the hook: the texts of a span are made
//! when it is created, records a value or is entered for the first time.

use core::cell::RefCell;
use core::fmt;

use ::tracing::field::{Field, Visit};
use ::tracing::span::{Attributes, Id, Record};
use ::tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::trace_ids::{TraceIds, Tracer};
use crate::capture::labels::{LabelGuard, label};

/// Spans that are entered on a thread at a time and become labels; what lies deeper does not.
const DEEPEST: usize = 64;

thread_local! {
    /// Labels of the spans that are entered on this thread, outermost first.
    static ENTERED: RefCell<Vec<(Id, Vec<LabelGuard>)>> = const { RefCell::new(Vec::new()) };
}

/// Returns a layer that sets labels while a span is entered: its name (label `span`), its fields, and those of the spans
/// around it. If keys are equal, the innermost span wins. In a span inside another, the label `spans` has all names, outermost
/// first, separated by colons.
///
/// Values are formatted when a span is created, when it records a value, or when it is first entered, never in the hook.
///
/// With the feature `tracing-opentelemetry`, and a layer of that crate in the same subscriber, the labels include `trace_id`
/// and `span_id`. Reading them starts the span for OpenTelemetry, as entering it does by default; see
/// [`SpanLabels::without_trace_ids`].
pub fn layer() -> SpanLabels {
    SpanLabels { tracer: Some(Tracer::default()) }
}

/// See [`layer`].
#[derive(Debug)]
pub struct SpanLabels {
    /// Whom to ask for the ids of a span.
    tracer: Option<Tracer>,
}

impl SpanLabels {
    /// Does not read ids from an OpenTelemetry layer. For a layer with `with_context_activation(false)`, whose spans must not
    /// start when they are entered.
    pub fn without_trace_ids(mut self) -> Self {
        self.tracer = None;
        self
    }

    /// Keeps the ids of a span, the first time that it is entered.
    fn ask_for_ids<S: Subscriber + for<'a> LookupSpan<'a>>(&self, span: &SpanRef<'_, S>) {
        let Some(tracer) = &self.tracer else { return };
        if span.extensions().get::<Fields>().is_none_or(|fields| fields.trace.is_some()) {
            return;
        }
        // Asked while the extensions are not borrowed, because that layer borrows them, too.
        let trace = tracer.ids(&span.id());
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            fields.trace = Some(trace);
        }
    }
}

/// Puts the labels of a span in force, and before them the fields of those around it, outermost first, that are not
/// entered on this thread themselves.
fn labels_of<S: Subscriber + for<'a> LookupSpan<'a>>(
    span: &SpanRef<'_, S>,
    is_entered: impl Fn(&Id) -> bool,
) -> Vec<LabelGuard> {
    let mut guards = Vec::new();
    let mut names = String::new();
    for part in span.scope().from_root() {
        let id = part.id();
        if !names.is_empty() {
            names.push(':');
        }
        names.push_str(part.name());
        let is_last = id == span.id();
        if is_last {
            guards.push(label("span", part.name()));
            if names.len() > part.name().len() {
                guards.push(label("spans", &names));
            }
        }
        if is_last || !is_entered(&id) {
            let extensions = part.extensions();
            if let Some(fields) = extensions.get::<Fields>() {
                guards.extend(fields.texts.iter().map(|(name, value)| label(name, value)));
                guards.extend(fields.trace.iter().filter(|_| is_last).flat_map(TraceIds::labels));
            }
        }
    }
    guards
}

/// Texts of a span, in its extensions.
#[derive(Default)]
struct Fields {
    texts: Vec<(&'static str, String)>,
    /// Empty until the span is entered.
    trace: Option<TraceIds>,
}

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
        match self.texts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.texts.push((name, value)),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanLabels {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        if let Some(tracer) = &self.tracer {
            tracer.registered(dispatch);
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
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
        self.ask_for_ids(&span);
        // Without thread-locals the thread is about to end.
        let _ = ENTERED.try_with(|entered| {
            let Ok(mut entered) = entered.try_borrow_mut() else { return };
            if entered.len() < DEEPEST {
                let labels = labels_of(&span, |id| entered.iter().any(|(known, _)| known == id));
                entered.push((id.clone(), labels));
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

#[cfg(all(test, feature = "__testing"))]
mod tests {
    use super::*;
    use crate::capture::labels::in_force;
    use ::tracing::subscriber::with_default;
    use ::tracing::{Instrument as _, info_span};
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
                assert_eq!(in_force()[2..], ["span=inner", "spans=outer:inner", "number=two"]);
            }
            drop(entered);
            outer.record("late", true);
            assert!(in_force().is_empty());
            let _again = outer.enter();
            assert_eq!(in_force(), ["span=outer", "number=1", "late=true"]);
        });
    }

    #[test]
    fn a_span_brings_the_fields_of_those_around_it_which_are_entered_elsewhere() {
        with_default(tracing_subscriber::registry().with(layer()), || {
            let request = info_span!("request", number = 1, user = "u");
            let part = info_span!(parent: &request, "part", number = 2);
            let entered = part.enter();
            assert_eq!(in_force(), ["number=1", "user=u", "span=part", "spans=request:part", "number=2"]);
            drop(entered);
            assert!(in_force().is_empty());
            let _unrelated = info_span!(parent: None, "unrelated").entered();
            assert_eq!(in_force(), ["span=unrelated"]);
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
