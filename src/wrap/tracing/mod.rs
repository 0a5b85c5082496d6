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
//! With the feature `tracing-opentelemetry`, the labels of a span include its `trace_id` and `span_id`, if a layer of
//! `tracing-opentelemetry` 0.34 is in the same subscriber. The order of the two layers does not matter.

#[cfg(feature = "breadcrumbs")]
mod breadcrumbs;
mod layer;
mod sink;
#[cfg(feature = "tracing-opentelemetry")]
mod trace_ids;
#[cfg(not(feature = "tracing-opentelemetry"))]
#[path = "no_trace_ids.rs"]
mod trace_ids;

#[cfg(feature = "breadcrumbs")]
pub use breadcrumbs::{EventBreadcrumbs, breadcrumbs};
pub use layer::{SpanLabels, layer};
pub use sink::TracingSink;
