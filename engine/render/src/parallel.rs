//! Independent work on several threads, with results in the order of the items.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What one thread does at a time: large enough that handing it out costs nothing, small enough that all end together.
const CHUNKS_PER_THREAD: usize = 8;

/// Does the work for each item, on up to `threads` threads.
pub(crate) fn map<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads < 2 || items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let size = items.len().div_ceil(threads * CHUNKS_PER_THREAD);
    let chunks: Vec<&[T]> = items.chunks(size).collect();
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = chunks.get(at) else { return done };
            done.push((at, chunk.iter().map(&work).collect()));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads.min(chunks.len())).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for helper in helpers {
            match helper.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

/// Does the work on each item, in place, on up to `threads` threads.
pub(crate) fn each_mut<T: Send, R: Send>(
    threads: usize,
    items: &mut [T],
    work: impl Fn(usize, &mut T) -> R + Sync,
) -> Vec<R> {
    let size = items.len().div_ceil(threads.max(1) * CHUNKS_PER_THREAD).max(1);
    let chunks: Vec<_> = items.chunks_mut(size).enumerate().map(|chunk| Mutex::new(Some(chunk))).collect();
    let results = map(threads, &chunks, |chunk| {
        // Each chunk is taken once.
        let taken = chunk.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((number, items)) = taken else { return Vec::new() };
        items.iter_mut().enumerate().map(|(at, item)| work(number * size + at, item)).collect()
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{each_mut, map};

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        for threads in [0, 1, 2, 7] {
            for items in [0, 1, 2, 3, 100, 1001] {
                let items: Vec<usize> = (0..items).collect();
                let doubled = map(threads, &items, |item| item * 2);
                assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
                let mut changed = items.clone();
                let places = each_mut(threads, &mut changed, |at, item| {
                    *item *= 2;
                    at
                });
                assert_eq!((changed, places), (doubled, items));
            }
        }
    }
}
