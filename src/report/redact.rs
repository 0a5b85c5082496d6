//! Shows texts to the user's redactor before anything is written.
//!
//! Runs on: the writer thread. Must not: let a text through when the redactor panicked.

use std::collections::HashMap;

use crate::config::user_code::guarded;
use crate::config::{RedactField, Redactor};
use crate::record::{Frame, Handler, Image, Place, SoftError};

/// Stands for a text whose redactor panicked.
const FAILED: &str = "[redactor failed]";

/// The user's redactor, if there is one.
pub(crate) struct Redact {
    redactor: Option<Redactor>,
    failed: bool,
}

impl Redact {
    pub(crate) fn new(redactor: Option<Redactor>) -> Self {
        Self { redactor, failed: false }
    }

    /// The text to write.
    pub(crate) fn text(&mut self, field: RedactField<'_>, text: &str) -> String {
        let Some(redactor) = &self.redactor else { return text.to_owned() };
        match guarded(|| redactor(field, text)) {
            Some(Some(redacted)) => redacted,
            Some(None) => text.to_owned(),
            None => {
                self.failed = true;
                FAILED.to_owned()
            }
        }
    }

    /// Paths of frames. Source paths repeat, so one answer serves all frames with the same path.
    pub(crate) fn frames(&mut self, frames: &mut [Frame]) {
        if self.redactor.is_none() {
            return;
        }
        let mut known: HashMap<String, String> = HashMap::new();
        for file in frames.iter_mut().filter_map(|frame| frame.file.as_mut()) {
            let redacted = known.entry(file.clone()).or_insert_with(|| self.path(file));
            file.clone_from(redacted);
        }
    }

    /// Paths of images.
    pub(crate) fn images(&mut self, images: &mut [Image]) {
        for path in images.iter_mut().filter_map(|image| image.path.as_mut()) {
            *path = self.path(path);
        }
    }

    /// The path of a handler.
    pub(crate) fn handler(&mut self, handler: Option<&mut Handler>) {
        if let Some(file) = handler.and_then(|handler| handler.file.as_mut()) {
            *file = self.path(file);
        }
    }

    /// The place with its path redacted.
    pub(crate) fn place(&mut self, place: Place) -> Place {
        Place { file: place.file.map(|file| self.path(&file)), ..place }
    }

    /// One path.
    pub(crate) fn path(&mut self, path: &str) -> String {
        self.text(RedactField::Path, path)
    }

    /// Whether the redactor panicked since the last call.
    pub(crate) fn take_failed(&mut self) -> bool {
        core::mem::take(&mut self.failed)
    }

    /// What a line says about a redactor that panicked.
    pub(crate) fn failure(field: &str) -> SoftError {
        let detail = "the redactor panicked; the texts it was shown are left out";
        SoftError::new(field, "redactor_failed", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redactor_that_panics_leaks_nothing() {
        let mut redact = Redact::new(Some(Box::new(|field, text| match field {
            RedactField::Message => panic!("redactor"),
            RedactField::Label("secret") => Some("***".to_owned()),
            RedactField::Path => Some(text.replace("/home/u", "~")),
            _ => None,
        })));
        assert_eq!(redact.text(RedactField::Label("secret"), "s3"), "***");
        assert_eq!(redact.text(RedactField::Label("zone"), "eu"), "eu");
        assert_eq!(redact.path("/home/u/x"), "~/x");
        assert!(!redact.take_failed());
        assert_eq!(redact.text(RedactField::Message, "password"), FAILED);
        assert!(redact.take_failed());
        assert!(!redact.take_failed(), "said once");
    }
}
