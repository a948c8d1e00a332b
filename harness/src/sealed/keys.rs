//! Where the sealing keys of a run come from.

use seatrial_engine::sealed::{GeneratedKeys, KeySource};
use seatrial_seal::{PrivateKey, SealError};
use seatrial_time::Clock;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// Public test keys, one after the other.
const POOL: &str = include_str!("../../../fixtures/keys/sealing.pem");
const END: &str = "-----END RSA PRIVATE KEY-----\n";
/// Their length in bits.
const BITS: usize = 4096;

/// Where the sealing keys of a run come from: on the virtual clock from a pool of public test keys, in an order that the seed
/// decides, and no key twice; on the wall clock they are made. All clusters of a run share it. Cheap to clone.
#[derive(Clone)]
pub struct SealingKeys {
    source: Arc<dyn KeySource>,
    is_pool: bool,
}

impl SealingKeys {
    /// The keys of a run on this clock.
    pub fn on(clock: &Clock) -> SealingKeys {
        if !clock.is_virtual() {
            return SealingKeys { source: Arc::new(GeneratedKeys), is_pool: false };
        }
        let mut left: Vec<&'static str> =
            POOL.split_inclusive(END).filter(|key| key.ends_with(END)).collect();
        let mut rng = clock.rng("sealing keys");
        for at in (1..left.len()).rev() {
            left.swap(at, usize::try_from(rng.below(at as u64 + 1)).unwrap_or_default());
        }
        SealingKeys { source: Arc::new(Pool { clock: clock.clone(), left: Mutex::new(left) }), is_pool: true }
    }

    /// Whether they are test keys that protect nothing.
    pub fn are_test_keys(&self) -> bool {
        self.is_pool
    }

    pub(super) fn source(&self) -> Arc<dyn KeySource> {
        self.source.clone()
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_pool { "SealingKeys(test keys)" } else { "SealingKeys(made)" })
    }
}

struct Pool {
    clock: Clock,
    left: Mutex<Vec<&'static str>>,
}

impl KeySource for Pool {
    fn key(&self, bits: usize) -> Pin<Box<dyn Future<Output = Result<PrivateKey, SealError>> + Send + '_>> {
        Box::pin(async move {
            let taken = match bits {
                BITS => self.left.lock().unwrap_or_else(PoisonError::into_inner).pop(),
                _ => None,
            };
            match taken {
                Some(key) => PrivateKey::from_pem(key.as_bytes()),
                // A key that came twice would open what it must not.
                None => self.clock.external(GeneratedKeys.key(bits)).await,
            }
        })
    }
}
