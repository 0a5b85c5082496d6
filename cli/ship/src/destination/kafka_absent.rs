//! `kafka` in a build without it: an error that says what to do.

use super::Destination;
use crate::config::Keys;
use crate::failure::Failure;

pub(super) fn open(keys: &Keys<'_>) -> Result<Box<dyn Destination>, Failure> {
    let why = "this build has no Kafka; build with `--features kafka`";
    Err(Failure::new(format!("{}: `kind = \"kafka\"`: {why}", keys.place())))
}
