//! The arithmetic of a Deployment's rolling update. Pure.

use crate::object::at;
use serde_json::Value;

/// Limits of a rolling update, in pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) replicas: i64,
    pub(crate) max_surge: i64,
    pub(crate) max_unavailable: i64,
}

impl Limits {
    /// The limits of a Deployment: percentages of its replicas are rounded up for the surge and down for the
    /// unavailable; where both come to nothing, one pod may be unavailable.
    pub(crate) fn of(deployment: &Value) -> Limits {
        let replicas = crate::object::number_or(deployment, &["spec", "replicas"], 1);
        let bound = |field, round_up| {
            let value = at(deployment, &["spec", "strategy", "rollingUpdate", field]);
            scaled(value, replicas, round_up).unwrap_or_else(|| percent(25, replicas, round_up))
        };
        if crate::object::text(deployment, &["spec", "strategy", "type"]) == "Recreate" {
            return Limits { replicas, max_surge: 0, max_unavailable: 0 };
        }
        let (max_surge, mut max_unavailable) = (bound("maxSurge", true), bound("maxUnavailable", false));
        if max_surge == 0 && max_unavailable == 0 {
            max_unavailable = 1;
        }
        Limits { replicas, max_surge, max_unavailable: max_unavailable.min(replicas) }
    }

    /// The most pods that may exist.
    pub(crate) fn most(self) -> i64 {
        self.replicas + self.max_surge
    }

    /// The fewest pods that must be available.
    pub(crate) fn fewest_available(self) -> i64 {
        self.replicas - self.max_unavailable
    }
}

/// An int-or-percentage of `total`.
pub(crate) fn scaled(value: Option<&Value>, total: i64, round_up: bool) -> Option<i64> {
    match value? {
        Value::String(text) => {
            text.strip_suffix('%')?.parse().ok().map(|share| percent(share, total, round_up))
        }
        number => number.as_i64(),
    }
}

fn percent(share: i64, total: i64, round_up: bool) -> i64 {
    let exact = share * total;
    if round_up { (exact + 99).div_euclid(100) } else { exact.div_euclid(100) }
}

/// A ReplicaSet, as far as scaling is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) name: String,
    /// What its spec asks for.
    pub(crate) wanted: i64,
    /// How many of its pods are available.
    pub(crate) available: i64,
}

/// What the new ReplicaSet is to be scaled to.
pub(crate) fn new_size(limits: Limits, new: &Set, all: i64) -> i64 {
    if new.wanted >= limits.replicas {
        return limits.replicas;
    }
    let room = (limits.most() - all).max(0);
    new.wanted + room.min(limits.replicas - new.wanted)
}

/// What the old ReplicaSets (oldest first) are to be scaled to; those that stay as they are are left out.
pub(crate) fn old_sizes(limits: Limits, new: &Set, old: &[Set]) -> Vec<(String, i64)> {
    let mut sizes: Vec<i64> = old.iter().map(|set| set.wanted).collect();
    let old_total: i64 = sizes.iter().sum();
    if old_total == 0 {
        return Vec::new();
    }
    let new_unavailable = new.wanted - new.available;
    let mut spare = old_total + new.wanted - limits.fewest_available() - new_unavailable;
    if spare <= 0 {
        return Vec::new();
    }
    // Pods that are not available anyway go first: they cost nothing.
    for (set, size) in old.iter().zip(&mut sizes) {
        let unhealthy = (*size - set.available).max(0).min(spare);
        *size -= unhealthy;
        spare -= unhealthy;
    }
    // Then as many as may be missed.
    let available: i64 = old.iter().map(|set| set.available).sum::<i64>() + new.available;
    let mut missable = (available - limits.fewest_available()).max(0);
    for size in &mut sizes {
        let cut = (*size).min(missable);
        *size -= cut;
        missable -= cut;
    }
    changed(old, sizes)
}

/// Sizes after the Deployment's own replicas have changed in the middle of a rollout: the difference is spread over the
/// ReplicaSets in proportion to their size. `sets` are those with replicas; `previous_most` is the most pods that were
/// allowed before.
pub(crate) fn spread(limits: Limits, sets: &[Set], previous_most: i64) -> Vec<(String, i64)> {
    let total: i64 = sets.iter().map(|set| set.wanted).sum();
    let allowed = if limits.replicas > 0 { limits.most() } else { 0 };
    let mut left = allowed - total;
    // The largest takes its share first, and at the end what rounding has left.
    let mut order: Vec<usize> = (0..sets.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(sets[*i].wanted));
    let mut sizes: Vec<i64> = sets.iter().map(|set| set.wanted).collect();
    for i in &order {
        if left == 0 {
            break;
        }
        let share = match limits.replicas {
            0 => -sets[*i].wanted,
            _ => rounded(sets[*i].wanted * allowed, previous_most.max(1)) - sets[*i].wanted,
        };
        let share = if left > 0 { share.clamp(0, left) } else { share.clamp(left, 0) };
        sizes[*i] += share;
        left -= share;
    }
    if let Some(largest) = order.first() {
        sizes[*largest] = (sizes[*largest] + left).max(0);
    }
    changed(sets, sizes)
}

fn rounded(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator + denominator).div_euclid(2 * denominator)
}

fn changed(sets: &[Set], sizes: Vec<i64>) -> Vec<(String, i64)> {
    let pairs = sets.iter().zip(sizes);
    pairs.filter(|(set, size)| set.wanted != *size).map(|(set, size)| (set.name.clone(), size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn set(name: &str, wanted: i64, available: i64) -> Set {
        Set { name: name.into(), wanted, available }
    }

    #[rstest]
    #[case::defaults(json!({"replicas": 4}), 4, 1, 1)]
    #[case::one_replica_surges(json!({"replicas": 1}), 1, 1, 0)]
    #[case::percent(json!({"replicas": 10, "strategy": {"rollingUpdate":
        {"maxSurge": "15%", "maxUnavailable": "15%"}}}), 10, 2, 1)]
    #[case::numbers(json!({"replicas": 3, "strategy": {"rollingUpdate":
        {"maxSurge": 2, "maxUnavailable": 0}}}), 3, 2, 0)]
    #[case::both_nothing(json!({"replicas": 3, "strategy": {"rollingUpdate":
        {"maxSurge": 0, "maxUnavailable": "10%"}}}), 3, 0, 1)]
    #[case::no_replicas(json!({"replicas": 0}), 0, 0, 0)]
    #[case::recreate(json!({"replicas": 3, "strategy": {"type": "Recreate"}}), 3, 0, 0)]
    fn limits_follow_the_strategy(
        #[case] spec: Value,
        #[case] replicas: i64,
        #[case] max_surge: i64,
        #[case] max_unavailable: i64,
    ) {
        assert_eq!(Limits::of(&json!({"spec": spec})), Limits { replicas, max_surge, max_unavailable });
    }

    /// Plays a rollout in which every pod that exists becomes available at once between steps.
    fn play(limits: Limits, old: i64) -> Vec<(i64, i64)> {
        let (mut new, mut olds) = (set("new", 0, 0), vec![set("old", old, old)]);
        let mut steps = Vec::new();
        for _ in 0..50 {
            let all = new.wanted + olds[0].wanted;
            let size = new_size(limits, &new, all);
            if size == new.wanted {
                for (_, size) in old_sizes(limits, &new, &olds) {
                    olds[0].wanted = size;
                }
            } else {
                new.wanted = size;
            }
            let step = (new.wanted, olds[0].wanted);
            if steps.last() == Some(&step) {
                break;
            }
            assert!(step.0 + step.1 <= limits.most().max(old), "too many pods: {step:?}");
            assert!(
                new.available + olds[0].wanted >= limits.fewest_available(),
                "too few available: {step:?}"
            );
            steps.push(step);
            new.available = new.wanted;
            olds[0].available = olds[0].wanted;
        }
        steps
    }

    #[rstest]
    #[case::surge_one(Limits { replicas: 1, max_surge: 1, max_unavailable: 0 }, 1, &[(1, 1), (1, 0)])]
    #[case::one_at_a_time(Limits { replicas: 2, max_surge: 1, max_unavailable: 0 }, 2,
        &[(1, 2), (1, 1), (2, 1), (2, 0)])]
    #[case::down_first(Limits { replicas: 2, max_surge: 0, max_unavailable: 1 }, 2,
        &[(0, 1), (1, 1), (1, 0), (2, 0)])]
    #[case::default_of_four(Limits { replicas: 4, max_surge: 1, max_unavailable: 1 }, 4,
        &[(1, 4), (1, 2), (3, 2), (3, 0), (4, 0)])]
    fn a_rollout_takes_these_steps(#[case] limits: Limits, #[case] old: i64, #[case] want: &[(i64, i64)]) {
        assert_eq!(play(limits, old), want);
    }

    #[test]
    fn a_new_version_that_never_becomes_available_leaves_the_old_pods() {
        let limits = Limits { replicas: 2, max_surge: 1, max_unavailable: 0 };
        assert_eq!(old_sizes(limits, &set("new", 1, 0), &[set("old", 2, 2)]), []);
    }

    #[test]
    fn unavailable_old_pods_go_before_available_ones() {
        let limits = Limits { replicas: 3, max_surge: 1, max_unavailable: 0 };
        let old = [set("broken", 1, 0), set("good", 3, 3)];
        assert_eq!(old_sizes(limits, &set("new", 0, 0), &old), [("broken".to_owned(), 0)]);
    }

    #[rstest]
    #[case::up(10, &[("a", 5), ("b", 5)], 10, &[])]
    #[case::doubled(20, &[("a", 8), ("b", 2)], 10, &[("a", 16), ("b", 4)])]
    #[case::halved(5, &[("a", 8), ("b", 2)], 10, &[("a", 4), ("b", 1)])]
    #[case::to_nothing(0, &[("a", 8), ("b", 2)], 10, &[("a", 0), ("b", 0)])]
    fn a_scaling_in_mid_rollout_is_spread(
        #[case] replicas: i64,
        #[case] sets: &[(&str, i64)],
        #[case] previous: i64,
        #[case] want: &[(&str, i64)],
    ) {
        let limits = Limits { replicas, max_surge: 0, max_unavailable: 1 };
        let sets: Vec<Set> = sets.iter().map(|(name, size)| set(name, *size, *size)).collect();
        let want: Vec<(String, i64)> = want.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect();
        assert_eq!(spread(limits, &sets, previous), want);
    }
}
