//! Handles to spawned tasks.

use crate::executor::{Core, TaskId};
use std::sync::Weak;

/// A spawned task. Dropping the handle cancels it; [`Task::detach`] lets it run on.
#[derive(Debug)]
#[must_use = "dropping a Task cancels it; call detach() to let it run on"]
pub struct Task(Option<Handle>);

#[derive(Debug)]
pub(crate) enum Handle {
    Virtual(Weak<Core>, TaskId),
    Wall(tokio::task::AbortHandle),
}

impl Task {
    pub(crate) fn new(handle: Handle) -> Task {
        Task(Some(handle))
    }

    /// Lets the task run to its end, or to the end of the simulation or runtime.
    pub fn detach(mut self) {
        self.0 = None;
    }

    /// Cancels the task: it is not polled again, and what it holds is dropped. A task that cancels itself ends at its
    /// next await.
    pub fn cancel(&self) {
        match &self.0 {
            Some(Handle::Virtual(core, id)) => {
                if let Some(core) = core.upgrade() {
                    core.cancel(*id);
                }
            }
            Some(Handle::Wall(handle)) => handle.abort(),
            None => {}
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.cancel();
    }
}
