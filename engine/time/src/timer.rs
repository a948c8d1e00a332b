//! Sleeping in virtual time.

use crate::executor::Core;
use crate::lock;
use jiff::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Sleeps until a virtual instant. Dropping it takes the timer back, so that time never jumps to it.
pub(crate) struct Sleep {
    core: Arc<Core>,
    at: Timestamp,
    /// The timer's key while it is set.
    key: Option<(Timestamp, u64)>,
}

impl Sleep {
    pub(crate) fn new(core: Arc<Core>, at: Timestamp) -> Sleep {
        Sleep { core, at, key: None }
    }

    fn cancel(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = lock(&self.core.state).timers.remove(&key);
            drop(waker);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.core.now() >= this.at {
            this.cancel();
            return Poll::Ready(());
        }
        let mut state = lock(&this.core.state);
        let key = *this.key.get_or_insert_with(|| {
            state.next_timer += 1;
            (this.at, state.next_timer)
        });
        let old = state.timers.insert(key, cx.waker().clone());
        state.note(format_args!("asleep until {}", this.at));
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// A yield point: goes to the back of nobody's queue, but into the set from which the seed picks.
#[derive(Default)]
pub(crate) struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
