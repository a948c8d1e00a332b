//! What was made of file contents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Contents that are remembered; beyond that, all are forgotten and made again when needed.
const MOST: usize = 1 << 16;

/// Values by the content that they were made of: equal bytes, one value.
pub(crate) struct Cache<T> {
    known: Mutex<BTreeMap<(u64, Bytes), Arc<T>>>,
    /// Where values are kept from their second use on: the numbers of contents that were used.
    used: Option<Mutex<BTreeSet<u64>>>,
}

/// Contents can be secret: their number is all that is shown.
impl<T> std::fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("known", &lock(&self.known).len()).finish_non_exhaustive()
    }
}

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache { known: Mutex::default(), used: None }
    }
}

impl<T> Cache<T> {
    /// Keeps a value from its second use on: what is used once belongs to its user, and costs no memory here.
    pub(crate) fn of_repeated() -> Cache<T> {
        Cache { used: Some(Mutex::default()), ..Cache::default() }
    }

    /// The value of a content; made now, unless it is there. Failures are made again.
    pub(crate) fn get_or_make<E>(
        &self,
        content: &Bytes,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let number = mixed(content);
        if let Some(used) = &self.used
            && lock(used).insert(number)
        {
            return Ok(Arc::new(make()?));
        }
        let key = (number, content.clone());
        if let Some(known) = lock(&self.known).get(&key) {
            return Ok(known.clone());
        }
        let made = Arc::new(make()?);
        let mut known = lock(&self.known);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, made.clone());
        Ok(made)
    }
}

/// The content of a mutex, also after a panic elsewhere: what these hold is whole at any time.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn a_value_is_kept_from_its_second_use_on() {
        let cache = Cache::of_repeated();
        let content = Bytes::from_static(b"a");
        let get = |value: u8| cache.get_or_make(&content, || Ok::<u8, ()>(value)).map(|v| *v);
        assert_eq!([get(1), get(2), get(3)], [Ok(1), Ok(2), Ok(2)]);
    }
}
