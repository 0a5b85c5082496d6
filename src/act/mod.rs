//! What the process does about a verdict: the words, and which of them a line calls for. Pure; the writer carries it out.
//!
//! A panic hook runs before anybody knows what becomes of the panic. A [`Reaction`] runs when it is known.
//!
//! Runs on: the thread that installs the agent, then the writer thread. Must not: do I/O, end the process.

mod action;
mod event;
mod health;
mod judge;
mod outlets;
mod reaction;

pub use action::{Action, Occurrence};
pub use event::Event;
pub use health::Health;
pub(crate) use health::counted;
pub(crate) use judge::{Called, Counts, Judge};
pub use outlets::{Supervisor, TerminationLog};
pub use reaction::Reaction;
pub(crate) use reaction::reaction_of;
