//! `journald`: the journal of systemd, over its own socket, or over HTTP to a `systemd-journal-remote`.
//!
//! Source: systemd, "Native Journal Protocol" and "Journal Export Formats".

mod entry;
mod socket;

use std::path::PathBuf;

use super::Destination;
use crate::answer::Answer;
use crate::config::Keys;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::http::Http;
use crate::record::Record;

use entry::Entry;
use socket::Socket;

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";

#[derive(Debug)]
pub(super) struct Journald(To);

#[derive(Debug)]
enum To {
    Socket(Socket),
    Remote(Box<Http>),
}

impl Journald {
    pub(super) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        if let Some(url) = keys.text("url")? {
            if let Some(socket) = keys.text("socket")? {
                return Err(keys.wrong(&socket, "there is a `url`, too; leave one of them out"));
            }
            if !url.text.contains("/upload") {
                return Err(keys.wrong(&url, "systemd-journal-remote takes `http://HOST:19532/upload` alone"));
            }
            return Ok(Self(To::Remote(Box::new(Http::open(keys, false)?))));
        }
        let path = keys.text("socket")?.map_or_else(|| PathBuf::from(SOCKET), |path| path.text.into());
        Ok(Self(To::Socket(Socket::new(path))))
    }
}

impl Destination for Journald {
    fn send(&mut self, records: &[Record]) -> Answer {
        let entries = records.iter().filter_map(|record| Some(Entry::of(&Facts::of(record)?, record)));
        match &mut self.0 {
            To::Socket(socket) => {
                let entries: Vec<Vec<u8>> = entries.map(Entry::into_bytes).collect();
                socket.send(&entries)
            }
            To::Remote(http) => {
                let mut body = Vec::new();
                for entry in entries {
                    body.extend_from_slice(&entry.into_export());
                }
                http.answer(http.post("application/vnd.fdo.journal", &body, &[]))
            }
        }
    }

    fn refresh(&mut self) -> bool {
        match &mut self.0 {
            To::Socket(_) => false,
            To::Remote(http) => http.refresh(),
        }
    }
}

#[cfg(test)]
mod tests;
