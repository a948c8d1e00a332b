//! What the kubelet remembers of its pods: since when it knows them, and how their image pulls went.

use super::container::Image;
use crate::object::{Key, later};
use crate::options::{Login, Pull};
use crate::queue::backoff;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long a failed pull shows as ErrImagePull, before the pause shows as ImagePullBackOff.
const SHOWN: Duration = Duration::from_secs(1);

/// All pods of the kubelet.
#[derive(Default)]
pub(crate) struct Memory {
    pods: BTreeMap<Key, Remembered>,
    next_address: u32,
}

/// One pod.
#[derive(Clone)]
pub(crate) struct Remembered {
    uid: String,
    /// When the kubelet saw the pod on its node for the first time.
    pub(crate) since: Timestamp,
    pub(crate) address: Option<String>,
    pulls: BTreeMap<String, Attempt>,
    /// The message about volumes that was told last.
    pub(crate) told: String,
}

/// An attempt to pull an image.
#[derive(Clone)]
struct Attempt {
    result: Result<Option<String>, String>,
    /// When it has succeeded or failed.
    at: Timestamp,
    takes: Duration,
    login: Option<Login>,
    /// How many there were, with this one.
    times: u32,
}

impl Memory {
    /// What is known of a pod; `since` and `address` count for one that is new.
    pub(crate) fn of(
        &mut self,
        key: &Key,
        uid: &str,
        since: Timestamp,
        address: Option<String>,
    ) -> &mut Remembered {
        if self.pods.get(key).is_some_and(|known| known.uid != uid) {
            self.pods.remove(key);
        }
        self.pods.entry(key.clone()).or_insert_with(|| Remembered {
            uid: uid.to_owned(),
            since,
            address,
            pulls: BTreeMap::new(),
            told: String::new(),
        })
    }

    pub(crate) fn forget(&mut self, key: &Key) {
        self.pods.remove(key);
    }

    /// Lets every failed pull be tried again at once.
    pub(crate) fn forget_pulls(&mut self) {
        for pod in self.pods.values_mut() {
            pod.pulls.clear();
        }
    }

    /// The next free address of 10.244.0.0/16, in order, so that the same run gives the same addresses.
    pub(crate) fn next_address(&mut self, used: &BTreeSet<String>) -> String {
        loop {
            // From .0.2 on; over the range again when it is exhausted.
            let number = self.next_address % 65_000 + 2;
            self.next_address += 1;
            let address = format!("10.244.{}.{}", number / 256, number % 256);
            if !used.contains(&address) || self.next_address > 130_000 {
                return address;
            }
        }
    }
}

impl Remembered {
    /// Whether a container's image is there: asks `pull` when it has not been asked, or when the pause is over.
    pub(crate) fn image(&mut self, container: &str, now: Timestamp, pull: impl FnOnce() -> Pull) -> Image {
        let known = self.pulls.get(container);
        let times = match known {
            Some(attempt) => match attempt.state(now) {
                Some(image) => return image,
                None => attempt.times + 1,
            },
            None => 1,
        };
        let Pull { result, takes, login } = pull();
        let attempt = Attempt { result, at: later(now, takes), takes, login, times };
        // A pause is never over when it begins.
        let image = attempt.state(now).unwrap_or(Image::Pulling { until: now, begins: true });
        self.pulls.insert(container.to_owned(), attempt);
        match image {
            Image::Pulling { until, .. } => Image::Pulling { until, begins: true },
            other => other,
        }
    }

    /// With which login a container's image was pulled last.
    pub(crate) fn login(&self, container: &str) -> Option<&Login> {
        self.pulls.get(container)?.login.as_ref()
    }

    /// The container has been started, or will never be: its pull does not matter any more.
    pub(crate) fn pulled(&mut self, container: &str) {
        self.pulls.remove(container);
    }
}

impl Attempt {
    /// What it looks like now; none where it is time for the next one.
    fn state(&self, now: Timestamp) -> Option<Image> {
        if now < self.at {
            return Some(Image::Pulling { until: self.at, begins: false });
        }
        let message = match &self.result {
            Ok(id) => return Some(Image::Present { id: id.clone(), took: self.takes }),
            Err(message) => message.clone(),
        };
        let retry_at = later(self.at, backoff(FIRST_PAUSE, LONGEST_PAUSE, self.times - 1));
        if now >= retry_at {
            return None;
        }
        let shown_until = later(self.at, SHOWN);
        let pausing = self.times > 1 || now >= shown_until;
        let until = if pausing { retry_at } else { shown_until };
        Some(Image::Failed { message, announced: !self.takes.is_zero(), pausing, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_are_tried_again_after_pauses_that_double() {
        let mut memory = Memory::default();
        let start = Timestamp::UNIX_EPOCH;
        let pod = memory.of(&Key::new("ns", "p"), "u", start, None);
        let (mut now, mut attempts) = (start, Vec::new());
        for _ in 0..8 {
            let mut tried = false;
            let image = pod.image("app", now, || {
                tried = true;
                Pull::missing("gone")
            });
            if tried {
                attempts.push(now.as_second());
            }
            let Image::Failed { until, .. } = image else { panic!("the image is missing") };
            now = until;
        }
        assert_eq!(attempts, [0, 10, 30, 70, 150, 310, 610]);
        assert_eq!(pod.image("app", now, Pull::ready), Image::Present { id: None, took: Duration::ZERO });
    }

    #[test]
    fn a_slow_pull_is_waited_for_whatever_comes_of_it() {
        let mut memory = Memory::default();
        let start = Timestamp::UNIX_EPOCH;
        let second = |second| Timestamp::from_second(second).unwrap();
        let pod = memory.of(&Key::new("ns", "p"), "u", start, None);
        let takes = Duration::from_secs(5);
        let failing = || Pull { takes, ..Pull::missing("gone") };
        assert_eq!(pod.image("app", start, failing), Image::Pulling { until: second(5), begins: true });
        let failed = |pausing, until| Image::Failed {
            message: "gone".into(),
            announced: true,
            pausing,
            until: second(until),
        };
        let asked_again = || unreachable!("it is not time to");
        assert_eq!(pod.image("app", second(5), asked_again), failed(false, 6));
        assert_eq!(pod.image("app", second(6), asked_again), failed(true, 15));
        let id = Some("img@sha256:1".to_owned());
        let good = Pull { takes, result: Ok(id.clone()), ..Pull::ready() };
        assert_eq!(pod.image("app", second(15), || good), Image::Pulling { until: second(20), begins: true });
        assert_eq!(pod.image("app", second(20), asked_again), Image::Present { id, took: takes });
    }

    #[test]
    fn addresses_are_given_in_order_and_not_twice() {
        let mut memory = Memory::default();
        let used = BTreeSet::from(["10.244.0.3".to_owned()]);
        let got: Vec<String> = (0..3).map(|_| memory.next_address(&used)).collect();
        assert_eq!(got, ["10.244.0.2", "10.244.0.4", "10.244.0.5"]);
    }

    #[test]
    fn another_pod_of_the_same_name_starts_anew() {
        let mut memory = Memory::default();
        let key = Key::new("ns", "p");
        let _ =
            memory
                .of(&key, "u1", Timestamp::UNIX_EPOCH, None)
                .image("app", Timestamp::UNIX_EPOCH, || Pull::missing("gone"));
        let again = memory.of(&key, "u2", Timestamp::UNIX_EPOCH, None);
        assert_eq!(
            again.image("app", Timestamp::UNIX_EPOCH, Pull::ready),
            Image::Present { id: None, took: Duration::ZERO }
        );
    }
}
