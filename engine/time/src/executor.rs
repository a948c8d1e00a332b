//! The seeded executor with its virtual time.

use crate::clock::Clock;
use crate::lock;
use crate::rng::Rng;
use crate::stuck::{Stuck, Waiting};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// Tasks are numbered in the order in which they are spawned; the main future is 0.
pub(crate) type TaskId = u64;
const MAIN: TaskId = 0;

/// How often the ambient runtime is let run before its silence is believed.
const QUIET_ROUNDS: u32 = 3;
/// The default of [`Simulation::polls_per_instant`]: far above what a thousand Kustomizations need at once.
const POLLS_PER_INSTANT: u64 = 2_000_000;

/// What a simulated run starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Decides the order of ready tasks and all random streams.
    pub seed: u64,
    /// The virtual time at the start.
    pub epoch: Timestamp,
    /// More polls than this without the time moving are a hot loop, which ends the run.
    pub polls_per_instant: u64,
}

impl Simulation {
    /// A run from `seed` alone: it also decides the minute of the year 2026 at which time starts.
    pub fn seeded(seed: u64) -> Simulation {
        const NEW_YEAR_2026: i64 = 1_767_225_600;
        let minute = Rng::stream(seed, "epoch", 0).below(365 * 24 * 60);
        let second = NEW_YEAR_2026 + i64::try_from(minute).unwrap_or(0) * 60;
        Simulation {
            seed,
            epoch: Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH),
            polls_per_instant: POLLS_PER_INSTANT,
        }
    }
}

impl Default for Simulation {
    fn default() -> Simulation {
        Simulation::seeded(0)
    }
}

/// Runs `main`, and all tasks that are spawned on its clock, in virtual time, until `main` is ready; what is unfinished
/// then is dropped.
///
/// It builds a current-thread tokio runtime, so that libraries which spawn on tokio work; it must not be called from
/// inside another runtime.
///
/// # Errors
/// [`Stuck`] when `main` can never become ready, or when tasks keep each other busy without letting time move.
pub fn simulate<F: Future>(options: Simulation, main: impl FnOnce(Clock) -> F) -> Result<F::Output, Stuck> {
    // Nothing in virtual time waits for sockets: without tokio's I/O driver, a turn of its loop asks the kernel nothing.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Stuck::Runtime)?;
    let core = Arc::new(Core::new(options));
    let result = runtime.block_on(core.drive(main(Clock::simulated(core.clone()))));
    // Tasks hold the clock, hence the core: drop them here, or they keep each other alive.
    core.shut_down();
    result
}

/// The executor's shared state.
pub(crate) struct Core {
    pub(crate) seed: u64,
    polls_per_instant: u64,
    /// Virtual time, in nanoseconds since the Unix epoch.
    now: AtomicI64,
    pub(crate) state: Mutex<State>,
    /// Tasks that were woken, and the driver's own waker. Apart from `state`, because wakers are called from anywhere.
    ready: Mutex<Ready>,
}

#[derive(Default)]
struct Ready {
    tasks: Vec<TaskId>,
    driver: Option<Waker>,
}

pub(crate) struct State {
    tasks: BTreeMap<TaskId, Slot>,
    next_task: TaskId,
    /// Whoever is being polled.
    pub(crate) current: Option<TaskId>,
    /// Set while a task waits for work outside the process, with the depth of such waits.
    pub(crate) external: Option<(TaskId, u32)>,
    pub(crate) timers: BTreeMap<(Timestamp, u64), Waker>,
    pub(crate) next_timer: u64,
    pub(crate) streams: BTreeMap<String, u64>,
    picks: Rng,
}

struct Slot {
    name: String,
    /// `None` while it is being polled, and always for the main future.
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    waker: Arc<TaskWaker>,
    cancelled: bool,
    /// What its last poll said it waits for.
    note: String,
    /// Polls at the present instant.
    polls: u64,
}

struct TaskWaker {
    core: Weak<Core>,
    id: TaskId,
    queued: AtomicBool,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(core) = self.core.upgrade() else { return };
        let driver = {
            let mut ready = lock(&core.ready);
            ready.tasks.push(self.id);
            ready.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl State {
    /// Remembers what the task that is being polled waits for.
    pub(crate) fn note(&mut self, reason: fmt::Arguments<'_>) {
        if let Some(slot) = self.current.and_then(|id| self.tasks.get_mut(&id)) {
            use fmt::Write as _;
            slot.note.clear();
            // Writing to a String does not fail.
            let _ = slot.note.write_fmt(reason);
        }
    }

    fn waiting(&self) -> Vec<Waiting> {
        let reason = |slot: &Slot| match slot.note.as_str() {
            "" => "an event that another task would cause".to_owned(),
            note => note.to_owned(),
        };
        self.tasks.values().map(|s| Waiting { task: s.name.clone(), reason: reason(s) }).collect()
    }
}

impl Core {
    fn new(options: Simulation) -> Core {
        let now = i64::try_from(options.epoch.as_nanosecond()).unwrap_or(0);
        Core {
            seed: options.seed,
            polls_per_instant: options.polls_per_instant,
            now: AtomicI64::new(now),
            state: Mutex::new(State {
                tasks: BTreeMap::new(),
                next_task: MAIN,
                current: None,
                external: None,
                timers: BTreeMap::new(),
                next_timer: 0,
                streams: BTreeMap::new(),
                picks: Rng::stream(options.seed, "order of tasks", 0),
            }),
            ready: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.now.load(Ordering::Relaxed)))
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Adds a task, ready to be polled. `future` is boxed by the caller; the main future has none.
    fn add(
        self: &Arc<Self>,
        name: String,
        future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ) -> TaskId {
        let mut state = lock(&self.state);
        let id = state.next_task;
        state.next_task += 1;
        let waker = Arc::new(TaskWaker { core: Arc::downgrade(self), id, queued: AtomicBool::new(false) });
        let slot =
            Slot { name, future, waker: waker.clone(), cancelled: false, note: String::new(), polls: 0 };
        state.tasks.insert(id, slot);
        drop(state);
        waker.wake();
        id
    }

    pub(crate) fn spawn(
        self: &Arc<Self>,
        name: String,
        future: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> TaskId {
        self.add(name, Some(future))
    }

    pub(crate) fn cancel(&self, id: TaskId) {
        let mut state = lock(&self.state);
        let removed = match state.tasks.get_mut(&id) {
            // It is being polled right now: the driver drops it afterwards.
            Some(slot) if slot.future.is_none() => {
                slot.cancelled = true;
                None
            }
            Some(_) => state.tasks.remove(&id),
            None => None,
        };
        drop(state);
        // What the task holds may itself lock the state when it is dropped.
        drop(removed);
    }

    fn shut_down(&self) {
        loop {
            let (tasks, timers) = {
                let mut state = lock(&self.state);
                (std::mem::take(&mut state.tasks), std::mem::take(&mut state.timers))
            };
            if tasks.is_empty() && timers.is_empty() {
                return;
            }
            // Dropping a task can spawn or wake another: go round until nothing is left.
            drop((tasks, timers));
        }
    }

    /// The ready task that the seed picks. While somebody waits for work outside the process, only that task.
    fn pick(&self) -> Option<TaskId> {
        let mut state = lock(&self.state);
        let mut ready = lock(&self.ready);
        if ready.tasks.is_empty() {
            return None;
        }
        let index = match state.external {
            Some((owner, _)) => ready.tasks.iter().position(|id| *id == owner)?,
            None => state.picks.below(ready.tasks.len() as u64) as usize,
        };
        Some(ready.tasks.swap_remove(index))
    }

    fn has_ready(&self) -> bool {
        let external = lock(&self.state).external;
        let ready = lock(&self.ready);
        match external {
            Some((owner, _)) => ready.tasks.contains(&owner),
            None => !ready.tasks.is_empty(),
        }
    }

    /// Jumps to the next timer and wakes everything that is due then; `false` where there is none.
    fn advance(&self) -> bool {
        let mut state = lock(&self.state);
        let Some((&(at, _), _)) = state.timers.first_key_value() else { return false };
        let now = i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX);
        self.now.fetch_max(now, Ordering::Relaxed);
        let mut due = Vec::new();
        while let Some(entry) = state.timers.first_entry() {
            if entry.key().0 > at {
                break;
            }
            due.push(entry.remove());
        }
        for slot in state.tasks.values_mut() {
            slot.polls = 0;
        }
        drop(state);
        due.into_iter().for_each(Waker::wake);
        true
    }

    async fn drive<F: Future>(self: &Arc<Self>, main: F) -> Result<F::Output, Stuck> {
        let mut main = pin!(main);
        self.add("main".to_owned(), None);
        let mut polls = 0;
        loop {
            let Some(id) = self.pick() else {
                if self.quiet().await {
                    if !self.advance() {
                        let waiting = lock(&self.state).waiting();
                        return Err(Stuck::Deadlock { at: self.now(), waiting });
                    }
                    polls = 0;
                }
                continue;
            };
            polls += 1;
            if polls > self.polls_per_instant {
                return Err(self.hot_loop(polls));
            }
            if let Some(output) = self.poll_task(id, main.as_mut()) {
                return Ok(output);
            }
            // Whatever the poll handed to the ambient runtime (a client's buffer, say) happens before the next pick.
            tokio::task::yield_now().await;
        }
    }

    /// Polls one task; `Some` when that was the main future and it is ready.
    fn poll_task<F: Future>(&self, id: TaskId, main: Pin<&mut F>) -> Option<F::Output> {
        let (waker, future) = {
            let mut state = lock(&self.state);
            // A task that has ended can still be woken.
            let slot = state.tasks.get_mut(&id)?;
            slot.waker.queued.store(false, Ordering::Release);
            slot.note.clear();
            slot.polls += 1;
            let taken = (slot.waker.clone(), slot.future.take());
            state.current = Some(id);
            taken
        };
        let waker = Waker::from(waker);
        let mut cx = Context::from_waker(&waker);
        let Some(mut future) = future else {
            let output = main.poll(&mut cx);
            lock(&self.state).current = None;
            return match output {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            };
        };
        let done = future.as_mut().poll(&mut cx).is_ready();
        let mut state = lock(&self.state);
        state.current = None;
        let keep = !done && state.tasks.get(&id).is_some_and(|slot| !slot.cancelled);
        let leftover = if keep {
            if let Some(slot) = state.tasks.get_mut(&id) {
                slot.future = Some(future);
            }
            None
        } else {
            Some((state.tasks.remove(&id), future))
        };
        drop(state);
        drop(leftover);
        None
    }

    /// Lets the ambient runtime run. `true` when nothing there can wake a task any more.
    async fn quiet(&self) -> bool {
        for _ in 0..QUIET_ROUNDS {
            tokio::task::yield_now().await;
            if self.has_ready() {
                return false;
            }
        }
        if lock(&self.state).external.is_none() {
            return true;
        }
        poll_fn(|cx| {
            lock(&self.ready).driver = Some(cx.waker().clone());
            if self.has_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        false
    }

    fn hot_loop(&self, polls: u64) -> Stuck {
        let state = lock(&self.state);
        let mut slots: Vec<&Slot> = state.tasks.values().collect();
        slots.sort_by_key(|s| std::cmp::Reverse(s.polls));
        let busiest = slots
            .iter()
            .take(5)
            .map(|s| Waiting { task: s.name.clone(), reason: format!("polled {} times", s.polls) })
            .collect();
        Stuck::HotLoop { at: self.now(), polls, busiest }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("seed", &self.seed).field("now", &self.now()).finish_non_exhaustive()
    }
}
