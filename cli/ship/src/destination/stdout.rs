//! `stdout`: a line per record, for pipes and for a first look.

use std::io::Write as _;

use super::Destination;
use crate::answer::Answer;
use crate::config::Keys;
use crate::failure::Failure;
use crate::format::Format;
use crate::record::Record;

#[derive(Debug)]
pub(super) struct Stdout {
    format: Format,
}

impl Stdout {
    pub(super) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        Ok(Self { format: Format::open(keys)? })
    }
}

impl Destination for Stdout {
    fn send(&mut self, records: &[Record]) -> Answer {
        let text = self.format.lines(records);
        let mut out = std::io::stdout().lock();
        match out.write_all(&text).and_then(|()| out.flush()) {
            Ok(()) => Answer::Delivered(None),
            Err(error) => Answer::unreachable(error),
        }
    }
}
