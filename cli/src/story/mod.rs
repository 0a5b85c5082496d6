//! Lines of a file put together into incidents: what people ask about.
//!
//! Reading order: `input` (which files), `raw_lines` (their bytes, line by line), `log` (what a line says, of several
//! files in the order of time), `complaints` (what could not be read), `incident` and `told` (the nouns), `gather` (puts
//! them together), `words` (says them). Beside that, for large files: `flat` (the first fields of a line, and no more),
//! `parts` (a file on several threads), `sieve`
//! (which lines need not be read in full).
//!
//! Runs on: the main thread of the tool. Must not: keep a whole file, fail because of what a line holds, or print
//! anything but complaints.

mod complaints;
pub(crate) mod flat;
mod gather;
mod incident;
mod input;
mod log;
pub(crate) mod parts;
mod raw_lines;
mod sieve;
mod told;
pub(crate) mod words;

pub(crate) use complaints::{Complaint, Complaints};
pub(crate) use gather::{Gather, Taken};
pub(crate) use incident::{Incident, Note, Process, Story};
pub(crate) use input::{Input, InputArgs};
pub(crate) use log::{Entry, Log, content};
pub(crate) use raw_lines::{At, RawLines, is_gzip, unprefixed};
pub(crate) use sieve::{Part, Passed, Sieve};
pub(crate) use told::{Told, Word};
