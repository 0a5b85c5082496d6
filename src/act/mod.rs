//! What the process does about a verdict: the words, and which of them a line calls for. Pure; the writer carries it out.
//!
//! A panic hook runs before anybody knows what becomes of the panic. A [`Reaction`] runs when it is known.
//!
//! Runs on: the thread that installs the agent, then the writer thread. Must not: do I/O, end the process.

mod action;
mod event;
mod health;
mod judge;
mod parse;
mod reaction;
mod supervisor;
mod termination_log;

pub use action::{Action, Occurrence};
pub use event::Event;
pub use health::Health;
pub(crate) use health::counted;
pub(crate) use judge::{Called, Counts, Judge};
pub(crate) use parse::reaction_of;
pub use reaction::Reaction;
pub use supervisor::Supervisor;
pub use termination_log::TerminationLog;
