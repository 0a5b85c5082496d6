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
//!
//! With the feature `tracing-opentelemetry`, a span that a layer of `tracing-opentelemetry` 0.34 follows has its
//! `trace_id` and `span_id` as labels, too, whichever of the two layers was added first.

mod layer;
mod sink;
#[cfg(feature = "tracing-opentelemetry")]
mod trace_ids;
#[cfg(not(feature = "tracing-opentelemetry"))]
#[path = "no_trace_ids.rs"]
mod trace_ids;

pub use layer::{SpanLabels, layer};
pub use sink::TracingSink;
