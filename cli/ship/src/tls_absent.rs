//! TLS in a build without it: an error that says what to do.

use super::config::Keys;
use crate::failure::Failure;

/// There is none.
#[derive(Debug)]
pub(crate) enum Tls {}

impl Tls {
    /// What nobody would heed is refused.
    pub(crate) fn open(keys: &Keys<'_>, _: bool, _: &str) -> Result<Option<Self>, Failure> {
        for name in ["ca_file", "cert_file", "key_file"] {
            if let Some(text) = keys.text(name)? {
                return Err(keys.unusable(&text, "this build has no TLS; build with `--features tls`"));
            }
        }
        Ok(None)
    }

    pub(crate) fn refresh(&mut self) -> bool {
        match *self {}
    }
}

/// Nobody was asked for a certificate.
pub(crate) fn distrust(_: &ureq::Error) -> Option<String> {
    None
}
