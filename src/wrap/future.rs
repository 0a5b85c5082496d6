//! Futures with labels, and futures whose panics come back as errors. No runtime is needed.
//!
//! Runs on: whatever polls or drops the future. Must not: leave a label of the future in force when it does not run.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::Location;

use pin_project_lite::pin_project;

use super::Caught;
use super::catch::guard;
use crate::capture::labels::scope::Scope;
use crate::probe::Catcher;

/// Labels and caught panics for any future.
pub trait FutureExt: Future + Sized {
    /// Adds a label to the future, in addition to the labels in force where you call this. The labels of the future replace
    /// those of the thread while it is polled or dropped, and at no other time.
    ///
    /// # Examples
    /// ```
    /// use panic_agent::task::FutureExt as _;
    ///
    /// let order = async { "done" }.labelled("order", 17);
    /// # let waker = std::task::Waker::noop();
    /// # let mut context = std::task::Context::from_waker(waker);
    /// # assert!(std::pin::pin!(order).poll(&mut context).is_ready());
    /// ```
    fn labelled(self, key: &str, value: impl fmt::Display) -> Labelled<Self> {
        let mut scope = Scope::inherit();
        scope.push(key, &value.to_string());
        Labelled { inner: Some(self), scope }
    }

    /// Returns a panic of the future as an error: of its poll, and of its destructor after the poll. If the future is dropped
    /// before it completes, a panic of its destructor is caught and reported as discarded.
    ///
    /// # Examples
    /// ```
    /// use panic_agent::task::FutureExt as _;
    ///
    /// let future = async { panic!("half way") }.catch_panic();
    /// # let waker = std::task::Waker::noop();
    /// # let mut context = std::task::Context::from_waker(waker);
    /// # let std::task::Poll::Ready(result) = std::pin::pin!(future).poll(&mut context) else { unreachable!() };
    /// # let result: Result<(), _> = result;
    /// // let result = future.await;
    /// assert_eq!(result.unwrap_err().message(), Some("half way"));
    /// ```
    #[track_caller]
    fn catch_panic(self) -> CatchPanic<Self> {
        CatchPanic::new(self, Catcher::Future, Location::caller())
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// A future with labels; see [`FutureExt::labelled`].
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Labelled<F> {
        #[pin]
        inner: Option<F>,
        scope: Scope,
    }

    impl<F> PinnedDrop for Labelled<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.scope.enter();
            this.inner.set(None);
        }
    }
}

impl<F: Future> Labelled<F> {
    /// With labels that were collected before.
    #[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "for tasks"))]
    pub(super) fn with(inner: F, scope: Scope) -> Self {
        Self { inner: Some(inner), scope }
    }

    /// One more label.
    pub fn labelled(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.scope.push(key, &value.to_string());
        self
    }
}

impl<F: Future> Future for Labelled<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.enter();
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(context),
            // It is taken away by the drop only.
            None => Poll::Pending,
        }
    }
}

impl<F> fmt::Debug for Labelled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Labelled { .. }")
    }
}

pin_project! {
    /// A future whose panics come back as errors; see [`FutureExt::catch_panic`].
    #[must_use = "futures do nothing unless they are polled"]
    pub struct CatchPanic<F> {
        #[pin]
        inner: Option<F>,
        guards: Guards,
    }

    impl<F> PinnedDrop for CatchPanic<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                // Reported when it was raised; nobody is left to be told.
                drop(this.guards.run(|| this.inner.set(None)));
            }
        }
    }
}

/// Who catches, and where the program said so.
#[derive(Clone, Copy)]
struct Guards {
    by: Catcher,
    call: &'static Location<'static>,
}

impl Guards {
    fn run<T>(self, f: impl FnOnce() -> T) -> Result<T, Caught> {
        guard(self.by, self.call, f)
    }
}

impl<F> CatchPanic<F> {
    pub(super) fn new(inner: F, by: Catcher, call: &'static Location<'static>) -> Self {
        Self { inner: Some(inner), guards: Guards { by, call } }
    }

    /// Drops the future if it is still there; the panic of its destructor.
    #[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "for tasks"))]
    pub(super) fn drop_kept(self: Pin<&mut Self>) -> Option<Caught> {
        let mut this = self.project();
        let guards = *this.guards;
        if this.inner.is_none() {
            return None;
        }
        guards.run(|| this.inner.set(None)).err()
    }
}

impl<F: Future> CatchPanic<F> {
    /// As the future's poll; the error still belongs to the wrapper.
    pub(super) fn poll_kept(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Caught>> {
        self.poll_noted(context, |_| {})
    }

    /// The same, and `note` sees the value also when a destructor panics, which makes the value an error.
    #[allow(clippy::panic, reason = "a future may do so when it is polled after its end")]
    pub(super) fn poll_noted(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        note: impl FnOnce(&F::Output),
    ) -> Poll<Result<F::Output, Caught>> {
        let mut this = self.project();
        let guards = *this.guards;
        let polled = guards.run(|| match this.inner.as_mut().as_pin_mut() {
            Some(inner) => inner.poll(context),
            None => panic!("`CatchPanic` polled after it was done"),
        });
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => {
                note(&value);
                Ok(value)
            }
            Err(caught) => Err(caught),
        };
        // What is left of it is dropped here, where a panic is stopped, too.
        let result = match (guards.run(|| this.inner.set(None)), result) {
            (Ok(()), result) => result,
            (Err(in_drop), Err(caught)) => Err(caught.with(in_drop)),
            (Err(in_drop), Ok(value)) => {
                // The value may panic as well.
                match guards.run(|| drop(value)) {
                    Ok(()) => Err(in_drop),
                    Err(also) => Err(in_drop.with(also)),
                }
            }
        };
        Poll::Ready(result)
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Caught>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_kept(context).map(|result| result.map_err(Caught::handed_over_here))
    }
}

impl<F> fmt::Debug for CatchPanic<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CatchPanic { .. }")
    }
}
