//! A layer that turns panics into responses. Feature `tower`.
//!
//! The panic is reported first, with the labels of its request: `http_method`, `http_path`, `request_id` (header
//! `x-request-id`), and `trace_id` and `span_id` (header `traceparent`). Then the client gets a response: 503 if the request
//! was cancelled or its deadline has passed, 500 otherwise. If the response has already started, its body ends with an
//! error. HTTP servers then abort the connection, so the client does not mistake half a body for a whole one. A panic after
//! the end of its request (the client has gone, or has its response) is reported with `late: true`.
//!
//! The deadline comes from [`RecoverLayer::deadline`], from a header ([`RecoverLayer::deadline_header`]), or from a
//! [`Deadline`] extension; the earliest counts. A timeout layer *outside* this one drops the handler and responds itself, so
//! panics of the handler's destructors are late. A timeout layer *directly inside* this one has responded (408, 503 or 504)
//! before the handler is dropped, so panics of the destructors become 503. If another layer lies between the two, as
//! between layers that are added to an axum router one by one, set an equal [`deadline`](RecoverLayer::deadline).
//!
//! The layer covers `call`, the response future, the body stream, and the destructors of both. It does not cover
//! `poll_ready`: a service that panics there serves no further request.
//!
//! ```
//! use panic_agent::tower::RecoverLayer;
//! use tower_layer::Layer as _;
//!
//! let layer = RecoverLayer::new().retry_after(std::time::Duration::from_secs(5));
//! # let inner = ();
//! let service = layer.layer(inner); // or axum's `Router::layer(layer)`
//! ```

mod answer;
mod body;
mod flight;
mod service;

pub use answer::Situation;
pub use body::{BodyPanicked, RecoverBody};
pub use flight::Deadline;
pub use service::{Recover, RecoverFuture, RecoverLayer};
