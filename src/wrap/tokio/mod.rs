//! Tasks of tokio whose panics come back as errors, with labels that stay with their task. Feature `tokio`.
//!
//! A task inherits the labels that are in force where it is spawned, and gets the label `tokio_task`, its id. Its
//! labels are in force while it is polled or dropped, on whatever thread, in place of those of the thread.
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! use panic_agent::tokio::{JoinError, spawn};
//!
//! let _request = panic_agent::label("request", 17);
//! let task = spawn(async { panic!("no such order") });
//! let Err(JoinError::Panicked(caught)) = task.await else { unreachable!() };
//! assert_eq!(caught.message(), Some("no such order"));
//!
//! let task = spawn(std::future::pending::<()>());
//! task.abort();
//! assert!(matches!(task.await, Err(JoinError::Cancelled(_))));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod group;
mod join_set;
mod task;

pub use group::TaskGroup;
pub use join_set::JoinSet;
pub use task::{JoinError, JoinHandle, spawn, spawn_blocking, spawn_local};
