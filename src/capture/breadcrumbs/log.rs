//! Records of the `log` facade as breadcrumbs. Feature `log`.
//!
//! Runs on: threads that log. Must not: keep a record from the logger behind it.

use ::log::{Level, LevelFilter, Log, Metadata, Record};

use super::breadcrumb;
use crate::record::BreadcrumbLevel;

/// A logger that leaves each record as a breadcrumb and hands it on to another one.
///
/// What `log::max_level` and the macros' compile-time level leave out is no breadcrumb either.
///
/// # Examples
/// ```
/// use panic_agent::labels::LogBreadcrumbs;
///
/// // In place of the program's own logger, which is asked only for what it wants:
/// let logger = LogBreadcrumbs::before(Box::new(log::logger())).at_least(log::Level::Info);
/// log::set_boxed_logger(Box::new(logger)).expect("the first logger");
/// log::set_max_level(log::LevelFilter::Info);
/// ```
pub struct LogBreadcrumbs {
    next: Box<dyn Log>,
    least: LevelFilter,
}

impl LogBreadcrumbs {
    /// Stands before the program's own logger.
    pub fn before(next: Box<dyn Log>) -> Self {
        Self { next, least: LevelFilter::Debug }
    }

    /// Leaves no records below this level; `Debug` unless told otherwise.
    pub fn at_least(self, level: Level) -> Self {
        Self { least: level.to_level_filter(), ..self }
    }
}

impl core::fmt::Debug for LogBreadcrumbs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LogBreadcrumbs").field("least", &self.least).finish_non_exhaustive()
    }
}

impl Log for LogBreadcrumbs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.least || self.next.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if record.level() <= self.least {
            let level = match record.level() {
                Level::Error => BreadcrumbLevel::Error,
                Level::Warn => BreadcrumbLevel::Warn,
                Level::Info => BreadcrumbLevel::Info,
                Level::Debug => BreadcrumbLevel::Debug,
                Level::Trace => BreadcrumbLevel::Trace,
            };
            breadcrumb(level, record.target(), record.args());
        }
        if self.next.enabled(record.metadata()) {
            self.next.log(record);
        }
    }

    fn flush(&self) {
        self.next.flush();
    }
}
