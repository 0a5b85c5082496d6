//! What a value is, as far as panics are concerned: a handle, an outcome, a scope.
//!
//! Runs on: the threads that read files. Must not: know syntax.

/// Who runs what was spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Runner {
    Thread,
    Scoped,
    Tokio,
    Blocking,
    AsyncStd,
    /// `async-task` and what stands on it: dropping the handle cancels the task.
    Smol,
    /// A wrapper of panic-agent: its agent is told of everything.
    Agent,
}

impl Runner {
    /// What runs there.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Thread | Self::Scoped | Self::Agent => "thread",
            Self::Blocking => "blocking task",
            Self::Tokio | Self::AsyncStd | Self::Smol => "task",
        }
    }

    pub(super) fn is_awaited(self) -> bool {
        matches!(self, Self::Tokio | Self::Blocking | Self::AsyncStd | Self::Smol)
    }
}

/// Where a `Result` with a payload comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Origin {
    Join,
    Catch,
}

/// A value that things are called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Object {
    /// `std::thread::Builder`.
    Builder,
    /// Of `thread::scope`.
    Scope,
    /// Of rayon or crossbeam: it panics in turn.
    OtherScope,
    JoinSet,
    /// Of `tokio-util`.
    Tracker,
    /// `Runtime`, `Handle`, `LocalSet`, `task::Builder` of tokio.
    Tokio,
    RayonPool,
    RayonPoolBuilder,
    /// `threadpool::ThreadPool`: it catches and forgets.
    ThreadPool,
    ThreadPoolBuilder,
    /// `async_executor`.
    Executor,
    /// `std::process::Command`: its `spawn` is another one.
    Command,
    /// A wrapper of panic-agent.
    Agent,
    /// Of a type that is known to be of no interest.
    Other,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Core {
    Handle(Runner),
    /// `Result<T, payload>`.
    Outcome(Origin),
    Object(Object),
    /// What `take_hook` returns.
    Hook,
}

/// What is around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Wrap {
    Bare,
    Option,
    /// A `Result` that is no outcome: of `Builder::spawn`.
    Result,
    /// A collection or an iterator.
    Many,
    /// Awaiting it gives this.
    Future,
    /// Awaiting it gives an `Option` of this.
    FutureOption,
    /// Awaiting it gives a collection of this.
    FutureMany,
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind {
    pub(super) core: Core,
    pub(super) wrap: Wrap,
}

impl Kind {
    pub(super) const fn bare(core: Core) -> Self {
        Self { core, wrap: Wrap::Bare }
    }

    pub(super) const fn handle(runner: Runner) -> Self {
        Self::bare(Core::Handle(runner))
    }

    pub(super) const fn outcome(origin: Origin) -> Self {
        Self::bare(Core::Outcome(origin))
    }

    pub(super) const fn object(object: Object) -> Self {
        Self::bare(Core::Object(object))
    }

    pub(super) const fn wrapped(self, wrap: Wrap) -> Self {
        Self { core: self.core, wrap }
    }

    /// What `.await` makes of it.
    pub(super) fn awaited(self) -> Option<Self> {
        match (self.core, self.wrap) {
            (core, Wrap::Future) => Some(Self::bare(core)),
            (core, Wrap::FutureOption) => Some(Self { core, wrap: Wrap::Option }),
            (core, Wrap::FutureMany) => Some(Self { core, wrap: Wrap::Many }),
            (Core::Handle(Runner::Tokio | Runner::Blocking), Wrap::Bare) => Some(Self::outcome(Origin::Join)),
            _ => None,
        }
    }

    /// What `?`, `unwrap` and `expect` make of it.
    pub(super) fn unwrapped(self) -> Option<Self> {
        matches!(self.wrap, Wrap::Option | Wrap::Result).then_some(Self::bare(self.core))
    }

    /// An element of it.
    pub(super) fn element(self) -> Option<Self> {
        matches!(self.wrap, Wrap::Many | Wrap::Option).then_some(Self::bare(self.core))
    }
}
