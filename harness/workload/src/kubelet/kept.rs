//! The images that nodes have.

use crate::object::{Key, later, text};
use crate::options::Login;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long until a kubelet looks for an image again that it must not pull.
pub(crate) const LOOK: Duration = Duration::from_secs(10);

/// What has been pulled, by node and image as pods name it.
#[derive(Default)]
pub(crate) struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    images: BTreeMap<(String, String), Image>,
    /// Pods that must not pull an image, and since when they look for it.
    waiting: BTreeMap<(String, String), BTreeMap<Key, Timestamp>>,
}

/// An image on a node.
struct Image {
    /// The name under which the node keeps it.
    id: Option<String>,
    /// Those with whom it was pulled; none where it was pulled without a login, and is there for every pod.
    logins: Option<Vec<Login>>,
}

impl Kept {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name under which a node keeps the image of a container, where it has it and need not ask for it again.
    /// `logins` are those of the pod.
    pub(crate) fn find(
        &self,
        node: &str,
        container: &Value,
        logins: impl FnOnce() -> Vec<Login>,
    ) -> Option<Option<String>> {
        let image = text(container, &["image"]);
        if asks_always(container, image) {
            return None;
        }
        let mut state = self.state();
        let found = state.images.get_mut(&(node.to_owned(), image.to_owned()))?;
        if let Some(known) = &mut found.logins {
            let login = logins().into_iter().find(|login| known.iter().any(|known| known.covers(login)))?;
            // A Secret with new credentials, or another one with the same, counts from now on.
            if !known.contains(&login) {
                known.push(login);
            }
        }
        Some(found.id.clone())
    }

    /// Remembers that a pod looks for an image that it must not pull. Gives the time of the next look, where that depends on more
    /// than the image: the node has it, but not for this pod.
    pub(crate) fn wait(&self, node: &str, image: &str, pod: &Key, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state();
        let name = (node.to_owned(), image.to_owned());
        if state.images.contains_key(&name) {
            return Some(later(now, LOOK));
        }
        state.waiting.entry(name).or_default().entry(pod.clone()).or_insert(now);
        None
    }

    /// Forgets a pod that is gone.
    pub(crate) fn forget(&self, pod: &Key) {
        self.state().waiting.retain(|_, pods| {
            pods.remove(pod);
            !pods.is_empty()
        });
    }

    /// A node has pulled an image, with this login. Gives the pods that look for it, and when each does so next.
    pub(crate) fn keep(
        &self,
        node: &str,
        image: &str,
        id: Option<&String>,
        login: Option<&Login>,
        now: Timestamp,
    ) -> Vec<(Key, Timestamp)> {
        let mut state = self.state();
        let State { images, waiting } = &mut *state;
        let name = (node.to_owned(), image.to_owned());
        let known = images.remove(&name);
        let known = known.filter(|known| known.id.as_ref() == id);
        let logins = login.and_then(|login| {
            let mut logins = known.map_or(Some(Vec::new()), |known| known.logins)?;
            if !logins.contains(login) {
                logins.push(login.clone());
            }
            Some(logins)
        });
        let waited = waiting.remove(&name).unwrap_or_default();
        images.insert(name, Image { id: id.cloned(), logins });
        waited.into_iter().map(|(pod, since)| (pod, next_look(since, now))).collect()
    }
}

/// When one who looks every ten seconds does so next.
fn next_look(since: Timestamp, now: Timestamp) -> Timestamp {
    let looks = now.duration_since(since).as_secs() / 10 + 1;
    let looks = u32::try_from(looks).unwrap_or(u32::MAX);
    later(since, LOOK.saturating_mul(looks))
}

/// Whether a container's image is pulled at every start; by default that of the tag `latest` is.
fn asks_always(container: &Value, image: &str) -> bool {
    match text(container, &["imagePullPolicy"]) {
        "Always" => true,
        "" => {
            let name = image.rsplit('/').next().unwrap_or_default();
            !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::version(json!({"image": "img:1"}), true)]
    #[case::latest(json!({"image": "img:latest"}), false)]
    #[case::no_tag(json!({"image": "localhost:5000/img"}), false)]
    #[case::digest(json!({"image": "img@sha256:1"}), true)]
    #[case::always(json!({"image": "img:1", "imagePullPolicy": "Always"}), false)]
    #[case::latest_if_missing(json!({"image": "img", "imagePullPolicy": "IfNotPresent"}), true)]
    fn what_a_node_has_is_not_asked_for(#[case] container: Value, #[case] found: bool) {
        let kept = Kept::default();
        let find = |node| kept.find(node, &container, Vec::new);
        assert_eq!(find("node"), None);
        let id = "img@sha256:1".to_owned();
        kept.keep("node", text(&container, &["image"]), Some(&id), None, Timestamp::UNIX_EPOCH);
        assert_eq!(find("node"), found.then_some(Some(id)));
        assert_eq!(find("other"), None);
    }

    fn login(secret: &str, password: u8) -> Login {
        Login { secret: [secret, "ns", secret].map(str::to_owned), digest: [password; 32] }
    }

    #[rstest]
    #[case::no_login_was_used(&[None], &[], true)]
    #[case::no_secret(&[Some(login("a", 1))], &[], false)]
    #[case::another_login(&[Some(login("a", 1))], &[login("b", 2)], false)]
    #[case::the_same_secret_changed(&[Some(login("a", 1))], &[login("a", 2)], true)]
    #[case::the_same_credentials(&[Some(login("a", 1))], &[login("c", 3), login("b", 1)], true)]
    #[case::pulled_by_two(&[Some(login("a", 1)), Some(login("b", 2))], &[login("b", 2)], true)]
    #[case::without_a_login_later(&[Some(login("a", 1)), None], &[], true)]
    #[case::without_a_login_before(&[None, Some(login("a", 1))], &[], true)]
    fn a_node_gives_an_image_to_those_who_could_pull_it(
        #[case] pulls: &[Option<Login>],
        #[case] has: &[Login],
        #[case] found: bool,
    ) {
        let (kept, container) = (Kept::default(), json!({"image": "img:1"}));
        for login in pulls {
            kept.keep("node", "img:1", None, login.as_ref(), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(kept.find("node", &container, || has.to_vec()), found.then_some(None));
    }

    #[rstest]
    #[case::at_once(0, 10)]
    #[case::between_two_looks(14, 20)]
    #[case::as_it_looks(20, 30)]
    #[case::after_a_month(2_592_001, 2_592_010)]
    fn who_waits_for_an_image_looks_every_ten_seconds(#[case] kept_at: i64, #[case] want: i64) {
        let kept = Kept::default();
        let second = |second| Timestamp::from_second(1_000 + second).unwrap();
        let pod = |name| Key::new("ns", name);
        let waits = [("a", "node", 0), ("a", "node", 5), ("b", "other", 0), ("gone", "node", 0)];
        for (name, node, since) in waits {
            assert_eq!(kept.wait(node, "img:1", &pod(name), second(since)), None);
        }
        kept.forget(&pod("gone"));
        let keep = || kept.keep("node", "img:1", None, None, second(kept_at));
        assert_eq!(keep(), [(pod("a"), second(want))]);
        assert_eq!(keep(), []);
        // It is there, but not for this pod: that can change in other ways.
        let again = kept.wait("node", "img:1", &pod("a"), second(kept_at));
        assert_eq!(again, Some(second(kept_at + 10)));
    }
}
