//! Ids that OpenTelemetry gives a span.
//!
//! Runs on: threads that enter spans. Must not: hold the extensions of a span while the other layer is asked.

use std::sync::OnceLock;

use ::tracing::Dispatch;
use ::tracing::dispatcher::WeakDispatch;
use ::tracing::span::Id;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing_opentelemetry::get_otel_context;

use crate::capture::labels::{LabelGuard, label};

/// The subscriber, in which the other layer is found. Weak, because the subscriber owns this.
#[derive(Debug, Default)]
pub(super) struct Tracer(OnceLock<WeakDispatch>);

/// What it said of a span; nothing when no layer follows the span.
pub(super) struct TraceIds(Option<SpanContext>);

impl Tracer {
    /// The layer became part of this subscriber.
    pub(super) fn registered(&self, dispatch: &Dispatch) {
        // A layer is part of one subscriber. The first call is the one that counts.
        let _first = self.0.set(dispatch.downgrade());
    }

    /// The ids of a span.
    pub(super) fn ids(&self, span: &Id) -> TraceIds {
        let dispatch = self.0.get().and_then(WeakDispatch::upgrade);
        let context = dispatch.and_then(|dispatch| get_otel_context(span, &dispatch));
        let context = context.map(|context| context.span().span_context().clone());
        TraceIds(context.filter(SpanContext::is_valid))
    }
}

impl TraceIds {
    /// Puts them in force, in the form of the W3C.
    pub(super) fn labels(&self) -> impl Iterator<Item = LabelGuard> {
        let ids = |context: &SpanContext| {
            [label("trace_id", context.trace_id()), label("span_id", context.span_id())]
        };
        self.0.iter().flat_map(ids)
    }
}
