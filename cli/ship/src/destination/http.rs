//! `http`: JSON lines to any address.

use super::Destination;
use crate::answer::Answer;
use crate::config::Keys;
use crate::failure::Failure;
use crate::format::Format;
use crate::http::Http;
use crate::record::Record;

#[derive(Debug)]
pub(super) struct HttpLines {
    http: Http,
    format: Format,
}

impl HttpLines {
    pub(super) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        Ok(Self { http: Http::open(keys, false)?, format: Format::open(keys)? })
    }
}

impl Destination for HttpLines {
    fn send(&mut self, records: &[Record]) -> Answer {
        let body = self.format.lines(records);
        self.http.answer(self.http.post("application/x-ndjson", &body, &[]))
    }

    fn refresh(&mut self) -> bool {
        self.http.refresh()
    }
}
