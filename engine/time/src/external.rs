//! Waiting for work outside the process.

use crate::executor::Core;
use crate::lock;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Freezes the executor while `F` is pending.
pub(crate) struct External<F> {
    core: Arc<Core>,
    future: Pin<Box<F>>,
    entered: bool,
}

impl<F: Future> External<F> {
    pub(crate) fn new(core: Arc<Core>, future: F) -> External<F> {
        External { core, future: Box::pin(future), entered: false }
    }
}

impl<F: Future> Future for External<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.entered {
            let mut state = lock(&this.core.state);
            // Outside of any task (a library's own task on the ambient runtime) there is nobody to freeze for.
            if let Some(current) = state.current {
                let depth = state.external.map_or(0, |(_, depth)| depth);
                state.external = Some((current, depth + 1));
                this.entered = true;
            }
        }
        this.future.as_mut().poll(cx)
    }
}

impl<F> Drop for External<F> {
    fn drop(&mut self) {
        if self.entered {
            let mut state = lock(&self.core.state);
            state.external = state.external.and_then(|(id, depth)| (depth > 1).then_some((id, depth - 1)));
        }
    }
}
