//! A panic that a wrapper stopped.
//!
//! Runs on: any thread of the program. Must not: look at the payload unless the program does, because who looks is
//! what the agent reports.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use super::payload::Payload;
use crate::agent;
use crate::hook::recent_panics;
use crate::hook::recent_panics::{Enclosing, Recent};
use crate::probe::wrapper_notes::{named, speaking};
use crate::probe::{Catcher, Event, Keeper, PanicRef, wrapper_notes};
use crate::record::{Location, NoReport, PanicId, Report};
use crate::writer::{Delivery, Pigeonhole};

/// A panic that a wrapper of this crate caught, with what is known about its origin.
///
/// Any look at it (message, location, report, `Display`) counts as reading. A `Caught` that is dropped unread is reported as
/// swallowed, or as discarded if it never left the wrapper.
///
/// # Examples
/// ```
/// let order = 17;
/// let caught = panic_agent::catch(|| panic!("order {order} is empty")).unwrap_err();
/// assert_eq!(caught.message(), Some("order 17 is empty"));
/// assert!(caught.to_string().ends_with(": order 17 is empty"));
/// ```
#[must_use = "a panic that is dropped unread is reported as swallowed"]
pub struct Caught(Box<Inner>);

struct Inner {
    /// Empty only once it was taken out, which ends the `Caught`.
    payload: Option<Payload>,
    recent: Option<Recent>,
    /// The panic, if it has a report.
    panic: Option<PanicRef>,
    report: Option<Arc<Pigeonhole>>,
    also: Vec<Caught>,
    /// Relaxed: it publishes nothing.
    read: AtomicBool,
    keeper: Keeper,
}

impl Caught {
    /// A panic that was stopped inside `enclosing`.
    #[cold]
    pub(super) fn new(
        payload: Box<dyn Any + Send>,
        enclosing: &Enclosing,
        by: Catcher,
        call: &panic::Location<'_>,
    ) -> Self {
        let (followed, recent) = speaking(|| {
            let followed = wrapper_notes::followed(&*payload);
            (followed, enclosing.find(&*payload, followed))
        });
        let reported = recent.filter(|recent| !recent.unreported).map(|recent| recent.sequence);
        let panic = followed.or(reported).and_then(named);
        if let Some(panic) = panic {
            let line = call.line();
            wrapper_notes::send(Event::Wrapped { panic, by, line }, |entry| entry.text.set(call.file()));
        }
        let report = panic.and_then(|panic| agent::await_report(panic.hooked));
        Self(Box::new(Inner {
            payload: Some(Payload::new(payload)),
            recent,
            panic,
            report,
            also: Vec::new(),
            read: AtomicBool::new(false),
            keeper: Keeper::Wrapper,
        }))
    }

    /// A panic that something else stopped and whose payload came to the program.
    pub(super) fn adopt(payload: Box<dyn Any + Send>, by: Catcher) -> Self {
        let nowhere = panic::Location::caller();
        Self::new(payload, &Enclosing::enter(false), by, nowhere).handed_over()
    }

    /// The id of the panic, as in its report. Without an agent it is unique within this process.
    pub fn id(&self) -> Option<PanicId> {
        match (self.0.panic, &self.0.recent) {
            (Some(panic), _) => Some(agent::panic_id(panic.hooked, false)),
            (None, Some(recent)) if recent.unreported => Some(agent::panic_id(recent.sequence, true)),
            _ => None,
        }
    }

    /// The message; `None` if the payload is not a string (`panic_any`).
    pub fn message(&self) -> Option<&str> {
        self.read();
        self.text()
    }

    /// The location of the `panic!`; `None` if no hook of this crate was called for it (`resume_unwind`, or a hook that
    /// replaced it).
    pub fn location(&self) -> Option<Location> {
        self.read();
        self.origin()
    }

    /// The labels in force where it was raised. Waits for the report; empty if there is none.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.report().map(|report| report.labels.clone()).unwrap_or_default()
    }

    /// The report, with the frames of the origin. Waits for the writer, at most for the flush deadline of the agent.
    ///
    /// # Errors
    /// Why there is no report.
    pub fn report(&self) -> Result<Arc<Report>, NoReport> {
        self.report_within(agent::patience())
    }

    /// The report. Waits for the writer, at most for `deadline`.
    ///
    /// # Errors
    /// Why there is no report.
    pub fn report_within(&self, deadline: Duration) -> Result<Arc<Report>, NoReport> {
        self.read();
        let unreported = self.0.recent.is_some_and(|recent| recent.unreported);
        let Some(place) = &self.0.report else {
            return Err(if unreported || !agent::is_installed() {
                NoReport::NoAgent
            } else {
                NoReport::Lost
            });
        };
        match place.wait(deadline) {
            Delivery::Report(report) => Ok(report),
            Delivery::None => Err(NoReport::Lost),
            Delivery::Awaited => Err(NoReport::Late),
        }
    }

    /// Panics that followed during the cleanup, such as that of a future's destructor after its poll.
    pub fn also(&self) -> &[Caught] {
        self.read();
        &self.0.also
    }

    /// Whether the payload is a `T`.
    pub fn is<T: Any>(&self) -> bool {
        self.read();
        speaking(|| self.0.payload.as_ref().is_some_and(Payload::is::<T>))
    }

    /// The payload, if it is a `T`.
    pub fn downcast_ref<T: Any + Sync>(&self) -> Option<&T> {
        self.read();
        speaking(|| self.0.payload.as_ref().and_then(Payload::downcast_ref))
    }

    /// Takes the payload out, if it is a `T`.
    ///
    /// # Errors
    /// Returns the panic unchanged if the payload is of another type.
    ///
    /// # Examples
    /// ```
    /// let caught = panic_agent::catch(|| std::panic::panic_any(17_u32)).unwrap_err();
    /// let caught = caught.downcast::<String>().unwrap_err();
    /// assert_eq!(caught.downcast::<u32>().unwrap(), 17);
    /// ```
    pub fn downcast<T: Any>(mut self) -> Result<T, Self> {
        if !self.is::<T>() {
            return Err(self);
        }
        let payload = self.take();
        match speaking(|| payload.downcast::<T>()) {
            Ok(value) => Ok(*value),
            Err(payload) => {
                self.0.payload = Some(Payload::new(payload));
                Err(self)
            }
        }
    }

    /// Returns the payload, as `catch_unwind` does. From here on it is followed only if the probes can follow the payload
    /// itself.
    pub fn into_payload(mut self) -> Box<dyn Any + Send> {
        self.take()
    }

    /// Resumes the panic. It stays the same panic: no hook is called, and there is no second report.
    pub fn resume(mut self) -> ! {
        if let Some(recent) = &self.0.recent {
            // A wrapper further out, perhaps on another thread, is to know it again.
            recent_panics::note_again(recent);
        }
        let payload = self.take();
        drop(self);
        panic::resume_unwind(payload)
    }

    /// The wrapper hands it to the program.
    pub(super) fn handed_over(mut self) -> Self {
        if let Some(panic) = self.0.panic {
            wrapper_notes::send(Event::Handed { panic }, |_| {});
        }
        self.0.keeper = Keeper::Program;
        for also in &mut self.0.also {
            also.0.keeper = Keeper::Program;
        }
        self
    }

    /// The same, on the thread that caught it.
    pub(super) fn handed_over_here(mut self) -> Self {
        self.0.keeper = Keeper::Program;
        self
    }

    /// Something panicked while this was cleaned up.
    pub(super) fn with(mut self, also: Caught) -> Self {
        self.0.also.push(also);
        self
    }

    /// What `Display` says, for those that tell others of it.
    pub(super) fn text(&self) -> Option<&str> {
        speaking(|| self.0.payload.as_ref().and_then(Payload::text))
    }

    /// Number of the panic, if it has a report.
    pub(super) fn panic(&self) -> Option<PanicRef> {
        self.0.panic
    }

    fn origin(&self) -> Option<Location> {
        let (file, line, column) = self.0.recent.as_ref()?.location()?;
        Some(Location { file: file.to_owned(), line, column })
    }

    /// Somebody looks at it.
    #[inline(never)]
    pub(super) fn read(&self) {
        if self.0.read.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(panic) = self.0.panic {
            let anchor = 0_u8;
            wrapper_notes::send(Event::Read { panic, payload: 0, nth: 1 }, |entry| {
                wrapper_notes::place(entry, (&raw const anchor).addr());
            });
        }
    }

    fn take(&mut self) -> Box<dyn Any + Send> {
        match self.0.payload.take() {
            Some(payload) => payload.into_inner(),
            // Cannot be: whoever takes the payload takes the `Caught`, too.
            None => Box::new(()),
        }
    }
}

impl Drop for Inner {
    #[inline(never)]
    fn drop(&mut self) {
        if let (Some(panic), Some(report)) = (self.panic, &self.report) {
            // Without its payload it goes on, here or elsewhere.
            agent::forget_report(panic.hooked, report, self.payload.is_none());
        }
        let Some(payload) = self.payload.take() else { return };
        let Some(panic) = self.panic else { return drop(payload) };
        let anchor = 0_u8;
        wrapper_notes::send(Event::Disposed { panic, by: self.keeper }, |entry| {
            wrapper_notes::place(entry, (&raw const anchor).addr());
        });
        speaking(|| drop(payload));
    }
}

impl fmt::Display for Caught {
    /// `panicked at src/main.rs:7:5: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read();
        f.write_str("panicked")?;
        if let Some(Location { file, line, column }) = self.origin() {
            write!(f, " at {file}:{line}:{column}")?;
        }
        write!(f, ": {}", self.text().unwrap_or("(payload is not a text)"))
    }
}

impl fmt::Debug for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read();
        f.debug_struct("Caught")
            .field("id", &self.id().map(|id| id.to_string()))
            .field("message", &self.text())
            .field("location", &self.origin())
            .field("also", &self.0.also)
            .finish()
    }
}

impl std::error::Error for Caught {}
