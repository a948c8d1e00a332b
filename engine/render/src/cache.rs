//! What was made of file contents.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Values by the content that they were made of: equal bytes, one value.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    known: Mutex<BTreeMap<(u64, Bytes), Arc<T>>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache { known: Mutex::default() }
    }
}

impl<T> Cache<T> {
    /// The value of a content; made now, unless it is there. Failures are made again.
    pub(crate) fn get_or_make<E>(
        &self,
        content: &Bytes,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let key = (mixed(content), content.clone());
        if let Some(known) = self.lock().get(&key) {
            return Ok(known.clone());
        }
        let made = Arc::new(make()?);
        self.lock().insert(key, made.clone());
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u64, Bytes), Arc<T>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number by which most contents differ: they are compared as a whole where it is the same.
fn mixed(content: &[u8]) -> u64 {
    let mix = |sum: u64, word: u64| (sum.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (words, rest) = content.as_chunks::<8>();
    let sum = words.iter().fold(content.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_contents_share_a_value_and_failures_are_not_kept() {
        let cache = Cache::default();
        let get = |content: &'static str, value: Result<u8, ()>| {
            cache.get_or_make(&Bytes::from_static(content.as_bytes()), || value).map(|v| *v)
        };
        assert_eq!(get("a longer content", Err(())), Err(()));
        assert_eq!(get("a longer content", Ok(1)), Ok(1));
        assert_eq!(get("a longer content", Ok(2)), Ok(1));
        assert_eq!(get("another content.", Ok(3)), Ok(3));
    }
}
