//! The virtual executor, as its users see it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use futures::StreamExt as _;
use futures::channel::{mpsc, oneshot};
use jiff::Timestamp;
use rstest::rstest;
use seatrial_time::{Clock, Elapsed, Signal, Simulation, Stuck, simulate};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn seed(seed: u64) -> Simulation {
    Simulation::seeded(seed)
}

/// Five tasks that each write their number three times, with a yield point before each.
fn interleaving(of: u64) -> Vec<u64> {
    simulate(seed(of), |clock| async move {
        let order = Arc::new(Mutex::new(Vec::new()));
        for n in 0..5 {
            let (clock2, order) = (clock.clone(), order.clone());
            let task = async move {
                for _ in 0..3 {
                    clock2.turn().await;
                    order.lock().unwrap().push(n);
                }
            };
            clock.spawn(format!("writer {n}"), task).detach();
        }
        clock.sleep(MINUTE).await;
        order.lock().unwrap().clone()
    })
    .unwrap()
}

#[test]
fn the_same_seed_gives_the_same_order_and_another_seed_another_one() {
    assert_eq!(interleaving(1), interleaving(1));
    let orders: std::collections::BTreeSet<Vec<u64>> = (0..20).map(interleaving).collect();
    assert!(orders.len() > 15, "20 seeds gave only {} orders", orders.len());
    assert!(orders.iter().all(|o| o.len() == 15));
}

#[test]
fn time_jumps_to_the_next_timer_however_far_away() {
    let (first, second) = simulate(seed(0), |clock| async move {
        let start = clock.now();
        clock.sleep(30 * DAY).await;
        let first = clock.now().duration_since(start).as_secs();
        clock.sleep_until(start).await; // has passed: returns at once
        (first, clock.now().duration_since(start).as_secs())
    })
    .unwrap();
    assert_eq!((first, second), (30 * 86_400, 30 * 86_400));
}

#[test]
fn sleepers_wake_in_the_order_of_their_timers() {
    let woken = simulate(seed(5), |clock| async move {
        let (tx, rx) = mpsc::unbounded();
        for minutes in [5u32, 1, 4, 2, 3] {
            let (clock2, tx) = (clock.clone(), tx.clone());
            let task = async move {
                clock2.sleep(MINUTE * minutes).await;
                tx.unbounded_send(minutes).unwrap();
            };
            clock.spawn("sleeper", task).detach();
        }
        drop(tx);
        rx.collect::<Vec<_>>().await
    })
    .unwrap();
    assert_eq!(woken, [1, 2, 3, 4, 5]);
}

#[test]
fn a_dropped_sleep_takes_its_timer_back() {
    let passed = simulate(seed(0), |clock| async move {
        let start = clock.now();
        let (tx, rx) = oneshot::channel();
        clock.spawn("answers", async move { tx.send(7).unwrap() }).detach();
        assert_eq!(clock.timeout(DAY, rx).await, Ok(Ok(7)));
        clock.sleep(MINUTE).await;
        clock.now().duration_since(start).as_secs()
    })
    .unwrap();
    assert_eq!(passed, 60);
}

#[test]
fn a_timeout_ends_what_takes_too_long() {
    let result =
        simulate(
            seed(0),
            |clock| async move { clock.timeout(MINUTE, futures::future::pending::<()>()).await },
        );
    assert_eq!(result.unwrap(), Err(Elapsed(MINUTE)));
}

#[test]
fn a_deadlock_says_who_waits_for_what() {
    let error = simulate(seed(0), |clock| async move {
        let (tx, rx) = oneshot::channel::<()>();
        let (tx2, rx2) = oneshot::channel::<()>();
        let wait = async move {
            let _ = rx2.await;
            drop(tx);
        };
        clock.spawn("kubelet", wait).detach();
        let _ = rx.await;
        drop(tx2);
    })
    .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Stuck::Deadlock { .. }), "{text}");
    assert!(text.contains("main: an event that another task would cause"), "{text}");
    assert!(text.contains("kubelet: an event"), "{text}");
}

#[test]
fn tasks_that_never_let_time_pass_are_named() {
    let options = Simulation { polls_per_instant: 10_000, ..seed(0) };
    let error = simulate(options, |clock| async move {
        let clock2 = clock.clone();
        let spin = async move {
            loop {
                clock2.turn().await;
            }
        };
        clock.spawn("spinner", spin).detach();
        clock.sleep(MINUTE).await;
    })
    .unwrap_err();
    assert!(matches!(&error, Stuck::HotLoop { busiest, .. } if busiest[0].task == "spinner"), "{error}");
}

/// A poll of `signal` each minute, as a source is polled. Returns how often it ran.
fn idle_polls(days: u32, changes_at: &[Duration]) -> u64 {
    let changes_at = changes_at.to_vec();
    simulate(seed(3), |clock| async move {
        let (signal, runs) = (Signal::new(), Arc::new(AtomicU64::new(0)));
        let (clock2, signal2, runs2) = (clock.clone(), signal.clone(), runs.clone());
        let poll = async move {
            loop {
                let seen = signal2.stamp();
                runs2.fetch_add(1, Ordering::Relaxed);
                let next = clock2.now() + jiff::SignedDuration::from_mins(1);
                clock2.idle(next, MINUTE, &[seen]).await;
            }
        };
        clock.spawn("poll", poll).detach();
        let start = clock.now();
        for at in changes_at {
            clock.sleep_until(start + jiff::SignedDuration::try_from(at).unwrap()).await;
            signal.bump();
        }
        clock.sleep_until(start + jiff::SignedDuration::from_hours(24 * i64::from(days))).await;
        runs.load(Ordering::Relaxed)
    })
    .unwrap()
}

#[rstest]
#[case::nothing_ever_changes(&[], 1)]
#[case::one_change_between_two_periods(&[Duration::from_secs(90)], 2)]
#[case::two_changes_within_one_period(&[Duration::from_secs(61), Duration::from_secs(70)], 2)]
#[case::two_changes_days_apart(&[DAY, Duration::from_secs(3 * 86_400 + 7)], 3)]
fn thirty_days_of_idle_polls_run_only_when_something_changed(
    #[case] changes_at: &[Duration],
    #[case] runs: u64,
) {
    assert_eq!(idle_polls(30, changes_at), runs);
}

#[test]
fn an_idle_task_wakes_in_its_own_phase() {
    let at = simulate(seed(0), |clock| async move {
        let signal = Signal::new();
        let (clock2, signal2) = (clock.clone(), signal.clone());
        let change = async move {
            clock2.sleep(Duration::from_secs(605)).await;
            signal2.bump();
        };
        clock.spawn("change", change).detach();
        let start = clock.now();
        let seen = [signal.stamp()];
        clock.idle(start + jiff::SignedDuration::from_secs(20), MINUTE, &seen).await;
        assert!(!seen[0].is_current());
        clock.now().duration_since(start).as_secs()
    })
    .unwrap();
    assert_eq!(at, 620);
}

#[test]
fn a_signal_that_nobody_bumps_deadlocks_rather_than_spins() {
    let error = simulate(seed(0), |clock| async move {
        let signal = Signal::new();
        clock.idle(clock.now(), MINUTE, &[signal.stamp()]).await;
    });
    assert!(matches!(error, Err(Stuck::Deadlock { .. })));
}

#[test]
fn dropping_the_handle_cancels_and_detaching_does_not() {
    let (cancelled, detached) = simulate(seed(0), |clock| async move {
        let counters = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
        let spawn = |counter: &Arc<AtomicU64>| {
            let (clock2, counter) = (clock.clone(), counter.clone());
            clock.spawn("counter", async move {
                loop {
                    clock2.sleep(MINUTE).await;
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let (first, second) = (spawn(&counters[0]), spawn(&counters[1]));
        clock.sleep(MINUTE * 5 + Duration::from_secs(1)).await;
        drop(first);
        second.detach();
        clock.sleep(MINUTE * 5).await;
        (counters[0].load(Ordering::Relaxed), counters[1].load(Ordering::Relaxed))
    })
    .unwrap();
    assert_eq!((cancelled, detached), (5, 10));
}

#[test]
fn a_task_may_cancel_itself_and_what_it_holds_is_dropped() {
    let dropped = simulate(seed(0), |clock| async move {
        let (tx, rx) = oneshot::channel::<()>();
        let (give, take) = oneshot::channel::<seatrial_time::Task>();
        let clock2 = clock.clone();
        let task = clock.spawn("cancels itself", async move {
            let _held = tx;
            let own: seatrial_time::Task = take.await.unwrap();
            own.cancel();
            clock2.sleep(DAY).await;
        });
        give.send(task).unwrap();
        rx.await.is_err()
    })
    .unwrap();
    assert!(dropped);
}

#[test]
fn work_outside_the_process_stops_virtual_time_and_everybody_else() {
    let (elapsed, runs) = simulate(seed(0), |clock| async move {
        let runs = Arc::new(AtomicU64::new(0));
        let (clock2, runs2) = (clock.clone(), runs.clone());
        let other = async move {
            loop {
                clock2.sleep(Duration::from_millis(1)).await;
                runs2.fetch_add(1, Ordering::Relaxed);
            }
        };
        clock.spawn("other", other).detach();
        let start = clock.now();
        let (tx, rx) = oneshot::channel();
        let thread = std::thread::spawn(move || tx.send(()).unwrap());
        clock.external(rx).await.unwrap();
        thread.join().unwrap();
        (clock.now().duration_since(start).as_millis(), runs.load(Ordering::Relaxed))
    })
    .unwrap();
    assert_eq!((elapsed, runs), (0, 0));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a library's own task on the ambient runtime is what is tested")]
fn a_library_task_on_the_ambient_runtime_answers_before_time_moves() {
    let answers = simulate(seed(0), |clock| async move {
        // As tower's Buffer does: a worker of its own on tokio, requests by channel, answers by oneshot.
        let (tx, mut rx) = mpsc::unbounded::<oneshot::Sender<Timestamp>>();
        let worker_clock = clock.clone();
        tokio::spawn(async move {
            while let Some(reply) = rx.next().await {
                let _ = reply.send(worker_clock.now());
            }
        });
        let start = clock.now();
        let mut answers = Vec::new();
        for _ in 0..3 {
            let (reply, answer) = oneshot::channel();
            tx.unbounded_send(reply).unwrap();
            let at = clock.timeout(MINUTE, answer).await.unwrap().unwrap();
            answers.push(at.duration_since(start).as_secs());
        }
        answers
    })
    .unwrap();
    assert_eq!(answers, [0, 0, 0]);
}

#[test]
fn random_streams_depend_on_seed_label_and_turn_alone() {
    let draw = |of: u64, noise: bool| {
        simulate(seed(of), |clock| async move {
            if noise {
                clock.rng("other").next_u64();
            }
            (clock.rng("uid").uuid(), clock.rng("uid").uuid())
        })
        .unwrap()
    };
    assert_eq!(draw(1, false), draw(1, true));
    assert_ne!(draw(1, false), draw(2, false));
    let (first, second) = draw(1, false);
    assert_ne!(first, second);
}

#[test]
fn the_epoch_follows_from_the_seed() {
    assert_eq!(Simulation::seeded(4), Simulation::seeded(4));
    assert_ne!(Simulation::seeded(4).epoch, Simulation::seeded(5).epoch);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the wall clock needs a real runtime around it")]
fn the_wall_clock_keeps_the_same_promises_on_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::wall();
        assert!(!clock.is_virtual());
        let before = clock.now();
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.now().duration_since(before).as_millis() >= 5);
        let (tx, rx) = oneshot::channel();
        let task = clock.spawn("answers", async move { tx.send(1).unwrap() });
        assert_eq!(clock.external(rx).await, Ok(1));
        task.detach();
        let late = clock.timeout(Duration::from_millis(1), futures::future::pending::<()>()).await;
        assert!(late.is_err());
        assert_ne!(clock.rng("a").next_u64(), clock.rng("a").next_u64());
    });
}
