//! Events of `tracing` as breadcrumbs. Features `tracing` and `breadcrumbs`.
//!
//! Runs on: threads that emit events. Must not: leave anything to be done in the hook.

use core::fmt;

use ::tracing::field::{Field, Visit};
use ::tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::capture::breadcrumbs::breadcrumb;
use crate::record::BreadcrumbLevel;

/// Returns a layer that leaves each event as a breadcrumb on its thread: message, then its fields. See
/// [`breadcrumb!`](crate::breadcrumb!).
///
/// # Examples
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let breadcrumbs = panic_agent::tracing::breadcrumbs().at_least(tracing::Level::INFO);
/// let subscriber = tracing_subscriber::registry().with(breadcrumbs);
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info!(attempt = 2, "order loaded"); // a panic here has the breadcrumb `order loaded attempt=2`
/// });
/// ```
pub fn breadcrumbs() -> EventBreadcrumbs {
    EventBreadcrumbs { least: Level::DEBUG }
}

/// See [`breadcrumbs`].
#[derive(Debug)]
pub struct EventBreadcrumbs {
    least: Level,
}

impl EventBreadcrumbs {
    /// Leaves no events below this level; `DEBUG` unless told otherwise.
    pub fn at_least(self, level: Level) -> Self {
        Self { least: level }
    }
}

impl<S: Subscriber> Layer<S> for EventBreadcrumbs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        // More verbose levels are greater.
        if *metadata.level() > self.least {
            return;
        }
        let level = match *metadata.level() {
            Level::ERROR => BreadcrumbLevel::Error,
            Level::WARN => BreadcrumbLevel::Warn,
            Level::INFO => BreadcrumbLevel::Info,
            Level::DEBUG => BreadcrumbLevel::Debug,
            Level::TRACE => BreadcrumbLevel::Trace,
        };
        breadcrumb(level, metadata.target(), Texts(event));
    }
}

/// The message of an event and its fields.
struct Texts<'a>(&'a Event<'a>);

impl fmt::Display for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Writer { to: f, any: false, result: Ok(()) };
        self.0.record(&mut writer);
        writer.result
    }
}

struct Writer<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    any: bool,
    result: fmt::Result,
}

impl Writer<'_, '_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let space = if core::mem::replace(&mut self.any, true) { " " } else { "" };
        let written = match field.name() {
            "message" => write!(self.to, "{space}{value}"),
            name => write!(self.to, "{space}{name}={value}"),
        };
        self.result = self.result.and(written);
    }
}

impl Visit for Writer<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}
