//! A caught payload that threads may share.
//!
//! Runs on: threads of the program. Must not: give out a reference to a value that is not [`Sync`].

use std::any::Any;

/// The value of a panic, as `catch_unwind` gives it.
pub(super) struct Payload(Box<dyn Any + Send>);

// SAFETY: a shared `Payload` does two things with its value: it asks for its type, which the compiler's
// implementation of `Any` answers without looking at the value, and it gives out references to values whose type is
// `Sync` (see the bounds below). The field is private to this file.
unsafe impl Sync for Payload {}

impl Payload {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(payload)
    }

    pub(super) fn is<T: Any>(&self) -> bool {
        self.0.is::<T>()
    }

    pub(super) fn downcast_ref<T: Any + Sync>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The text of a `panic!`.
    pub(super) fn text(&self) -> Option<&str> {
        match self.downcast_ref::<String>() {
            Some(text) => Some(text),
            None => self.downcast_ref::<&'static str>().copied(),
        }
    }

    pub(super) fn into_inner(self) -> Box<dyn Any + Send> {
        self.0
    }
}
