//! The fields that every line begins with.
//!
//! Runs on: the writer thread and readers. Must not: do I/O.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Level, LineKind};

/// Version of the record schema, raised when a field changes its meaning or goes away.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The fields that every line begins with, in this order.
///
/// `Id` is [`PanicId`](crate::record::PanicId) in lines about one panic, and the process instance as text in all others: the part
/// of every id of a panic before the dash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Head<Id = String> {
    /// Version of the schema.
    pub schema: u32,
    /// What the line speaks of.
    pub kind: LineKind,
    /// Which panic, or which process instance.
    pub id: Id,
    /// When the hook ran, for a panic; else when the line was made. RFC 3339, UTC, nanoseconds.
    pub ts: String,
    /// The same in milliseconds since the Unix epoch.
    pub ts_ms: i64,
    /// Process id.
    pub pid: u32,
    /// Severity.
    pub level: Level,
    /// Service name, as configured.
    pub service: Option<Arc<str>>,
    /// Service version, as configured.
    pub version: Option<Arc<str>>,
    /// Deployment environment, as configured.
    pub environment: Option<Arc<str>>,
    /// Host name.
    pub host: Option<Arc<str>>,
}

#[cfg(feature = "audit")]
impl Head {
    /// Of a line that was read off a process which nobody asked.
    pub(crate) fn unsigned(kind: LineKind) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            kind,
            id: String::new(),
            ts: String::new(),
            ts_ms: 0,
            pid: 0,
            level: Level::Info,
            service: None,
            version: None,
            environment: None,
            host: None,
        }
    }
}

impl<Id: ToString> Head<Id> {
    /// The same with the id as text.
    pub(crate) fn to_text(&self) -> Head {
        Head {
            schema: self.schema,
            kind: self.kind,
            id: self.id.to_string(),
            ts: self.ts.clone(),
            ts_ms: self.ts_ms,
            pid: self.pid,
            level: self.level,
            service: self.service.clone(),
            version: self.version.clone(),
            environment: self.environment.clone(),
            host: self.host.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::record::Line;
    use crate::testing::samples;

    #[test]
    fn every_line_begins_with_these_fields_in_this_order() {
        let report = samples::report();
        let line = Line::from(report.clone());
        assert_eq!((line.head().id, line.head().level), (report.head.id.to_string(), report.head.level));
        let begin = r#"{"schema":1,"kind":"panic","id":"0000000000000abc-1","ts":"2025-10-09T08:53:20.123456789Z","ts_ms":1760000000123,"pid":"#;
        let rest = r#","level":"warn","service":"billing","version":"1.2.3","environment":"test","host":"#;
        let text = String::from_utf8(line.encode().unwrap()).unwrap();
        assert!(text.starts_with(begin) && text.contains(rest), "{text}");
    }
}
