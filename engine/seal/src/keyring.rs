//! Several private keys: what is sealed opens with whichever fits.

use crate::error::SealError;
use crate::key::PrivateKey;
use std::sync::Arc;

/// The private keys of a controller, or of a backup. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Vec<Arc<PrivateKey>>);

impl Keyring {
    /// No keys.
    pub fn new() -> Keyring {
        Keyring::default()
    }

    /// Adds a key that is tried before the others; one that is there already stays where it is.
    pub fn add(&mut self, key: Arc<PrivateKey>) {
        if !self.0.iter().any(|known| known.public() == key.public()) {
            self.0.insert(0, key);
        }
    }

    /// The keys, in the order in which they are tried.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<PrivateKey>> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Opens a value with the first key that fits.
    ///
    /// # Errors
    /// [`SealError::Decrypt`]: none fits.
    pub fn unseal(&self, sealed: &[u8], label: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.iter().find_map(|key| crate::unseal(key, sealed, label).ok()).ok_or(SealError::Decrypt)
    }
}

impl FromIterator<PrivateKey> for Keyring {
    fn from_iter<T: IntoIterator<Item = PrivateKey>>(keys: T) -> Keyring {
        let mut ring = Keyring::new();
        keys.into_iter().for_each(|key| ring.add(Arc::new(key)));
        ring
    }
}
