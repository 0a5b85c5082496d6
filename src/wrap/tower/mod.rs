//! A layer that makes responses of panics. Feature `tower`.
//!
//! The panic is reported first, with the labels of its request: `http_method`, `http_path`, `request_id` (header
//! `x-request-id`), and `trace_id` and `span_id` (header `traceparent`). Then the client gets 503 when the request had
//! been cancelled or its deadline had passed, and 500 otherwise. When the response has begun already, its body ends
//! with an error, on which HTTP servers abort the connection, so that the client does not take half a body for a
//! whole one. A panic after the end of its request (the client has gone, or has its answer) is reported with
//! `late: true`.
//!
//! A deadline is that of [`RecoverLayer::deadline`], of a header ([`RecoverLayer::deadline_header`]), or of a
//! [`Deadline`] extension; the earliest counts. A timeout layer further out than this one drops the handler and
//! answers itself: what the handler's destructors do then is late. One directly inside this one has answered (408, 503
//! or 504) before the handler is dropped: a panic of the handler's destructors is a 503. Where another layer is between
//! the two, as between layers of an axum router that are added one by one, only an equal
//! [`deadline`](RecoverLayer::deadline) tells.
//!
//! What is covered: `call`, the future of the response, the stream of its body, and the destructors of the two.
//! `poll_ready` is not: a service that panics there serves no further request.
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
