//! Threads that start with labels and return their panic as an error.
//!
//! Runs on: the thread that spawns, the new one, and the one that joins. Must not: add more than a few hundred
//! nanoseconds to a start.

use std::panic::Location;
use std::{io, thread};

pub use super::policy::Policy;
pub use crate::config::{InheritLabels, SpawnPlaces};

use super::catch::guard;
use super::{Caught, supervise};
use crate::capture::labels::TraceContext;
use crate::capture::labels::scope::Scope;
use crate::probe::Catcher;

/// Spawns a thread that inherits the labels in force here. See [`Builder`] for more options.
///
/// # Panics
/// If the operating system refuses to create a thread, like [`std::thread::spawn`].
///
/// # Examples
/// ```
/// let _request = panic_agent::label("request", 17);
/// let worker = panic_agent::spawn(|| -> u32 { panic!("no such order") });
/// let caught = worker.join().unwrap_err();
/// assert_eq!(caught.message(), Some("no such order"));
/// ```
///
/// # Cost
/// A few hundred nanoseconds over `std::thread::spawn`.
#[track_caller]
#[allow(clippy::panic, reason = "as std's `spawn` does")]
pub fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().spawn(f).unwrap_or_else(|error| panic!("failed to spawn thread: {error}"))
}

/// Configures a thread: name, labels, stack size, and what its panic does.
///
/// # Examples
/// ```
/// use panic_agent::thread::{Builder, Policy};
///
/// let worker = Builder::new()
///     .name("resizer")
///     .label("queue", "images")
///     .on_panic(Policy::Warn)
///     .spawn(|| 6 * 7)?;
/// assert_eq!(worker.join().unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing starts until `spawn` is called"]
pub struct Builder {
    name: Option<String>,
    labels: Vec<(String, String)>,
    stack_size: Option<usize>,
    policy: Policy,
}

impl Builder {
    /// A thread without a name, with the labels of its parent, and [`Policy::Observe`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Name of the thread.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds a label for every panic of the thread, in addition to the labels that it inherits.
    pub fn label(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.labels.push((key.into(), value.to_string()));
        self
    }

    /// Sets the trace that the thread works for: labels `trace_id` and `span_id`.
    pub fn trace(self, context: TraceContext) -> Self {
        self.label("trace_id", context.trace_id()).label("span_id", context.span_id())
    }

    /// Sets the size of the stack in bytes. Default: that of std.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Sets what a panic of the thread does, in addition to the report.
    pub fn on_panic(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Spawns the thread.
    ///
    /// # Errors
    /// If the operating system refuses to create a thread, and with [`Policy::Restart`], which needs
    /// [`spawn_worker`](Self::spawn_worker).
    #[track_caller]
    pub fn spawn<T: Send + 'static>(
        self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let call = Location::caller();
        let (builder, start) = self.prepare()?;
        let thread = builder.spawn(move || start.run(call, f))?;
        Ok(JoinHandle { thread })
    }

    /// Spawns a thread whose function can be called again. [`Policy::Restart`] does so when it panics; with any other policy
    /// it is called once.
    ///
    /// # Errors
    /// If the operating system refuses to create a thread.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use panic_agent::thread::{Builder, Policy};
    ///
    /// let mut attempts = 0;
    /// let policy = Policy::Restart { max: 3, backoff: Duration::from_millis(1) };
    /// let worker = Builder::new().on_panic(policy).spawn_worker(move || {
    ///     attempts += 1;
    ///     assert!(attempts > 2, "attempt {attempts}");
    ///     attempts
    /// })?;
    /// assert_eq!(worker.join().unwrap(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_worker<T: Send + 'static>(
        mut self,
        mut f: impl FnMut() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let call = Location::caller();
        let Policy::Restart { max, backoff } = self.policy else { return self.spawn(f) };
        self.policy = Policy::Observe;
        let (builder, start) = self.prepare()?;
        let thread = builder.spawn(move || {
            start.labels();
            supervise::run(max, backoff, call, start.name.as_deref(), &mut f)
        })?;
        Ok(JoinHandle { thread })
    }

    /// Spawns a scoped thread, which may borrow from its scope.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    ///
    /// # Examples
    /// ```
    /// let numbers = [1, 2, 3];
    /// let sum = std::thread::scope(|scope| {
    ///     let adder = panic_agent::thread::Builder::new().spawn_scoped(scope, || numbers.iter().sum::<i32>())?;
    ///     std::io::Result::Ok(adder.join().unwrap())
    /// })?;
    /// assert_eq!(sum, 6);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, T: Send + 'scope>(
        self,
        scope: &'scope thread::Scope<'scope, 'env>,
        f: impl FnOnce() -> T + Send + 'scope,
    ) -> io::Result<ScopedJoinHandle<'scope, T>> {
        let call = Location::caller();
        let (builder, start) = self.prepare()?;
        let thread = builder.spawn_scoped(scope, move || start.run(call, f))?;
        Ok(ScopedJoinHandle { thread })
    }

    fn prepare(self) -> io::Result<(thread::Builder, Start)> {
        let Self { name, labels, stack_size, policy } = self;
        if let Policy::Restart { .. } = policy {
            let problem = "Policy::Restart needs a function that can be called again; use `spawn_worker`";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        policy.prepare();
        let mut builder = thread::Builder::new();
        if let Some(name) = &name {
            builder = builder.name(name.clone());
        }
        if let Some(bytes) = stack_size {
            builder = builder.stack_size(bytes);
        }
        let scope = Scope::inherit_with(&labels);
        Ok((builder, Start { scope, policy, name }))
    }
}

/// What a new thread begins with.
struct Start {
    scope: Option<Scope>,
    policy: Policy,
    name: Option<String>,
}

impl Start {
    fn labels(&self) {
        if let Some(scope) = &self.scope {
            scope.stay();
        }
    }

    fn run<T>(self, call: &Location<'_>, f: impl FnOnce() -> T) -> Result<T, Caught> {
        self.labels();
        guard(Catcher::Thread, call, f).inspect_err(|caught| self.policy.apply(caught, self.name.as_deref()))
    }
}

/// Owned permission to join a thread. If you drop it, a panic of the thread is reported as discarded, because no one can
/// receive it.
#[derive(Debug)]
pub struct JoinHandle<T> {
    thread: thread::JoinHandle<Result<T, Caught>>,
}

impl<T> JoinHandle<T> {
    /// Waits for the thread to finish, and returns its result.
    ///
    /// # Errors
    /// The panic that ended it.
    pub fn join(self) -> Result<T, Caught> {
        joined(self.thread.join())
    }

    /// Whether the thread has finished.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// The thread itself.
    pub fn thread(&self) -> &thread::Thread {
        self.thread.thread()
    }
}

/// Owned permission to join a scoped thread; see [`Builder::spawn_scoped`]. If you do not join it, the scope does not panic:
/// the panic is reported as discarded.
#[derive(Debug)]
pub struct ScopedJoinHandle<'scope, T> {
    thread: thread::ScopedJoinHandle<'scope, Result<T, Caught>>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the thread to finish, and returns its result.
    ///
    /// # Errors
    /// The panic that ended it.
    pub fn join(self) -> Result<T, Caught> {
        joined(self.thread.join())
    }

    /// Whether the thread has finished.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

fn joined<T>(ended: thread::Result<Result<T, Caught>>) -> Result<T, Caught> {
    match ended {
        Ok(result) => result.map_err(Caught::handed_over),
        // The thread ended outside of the wrapper.
        Err(payload) => Err(Caught::adopt(payload, Catcher::Thread)),
    }
}
