//! Which lines of two texts match: the longest run that both have, then the same on each side of it.
//!
//! Python's `difflib` documents the method. Of several longest runs it takes the one that begins first in the first text,
//! and of those the one that begins first in the second. In a second text of 200 lines or more, lines that come in more than
//! one of a hundred places begin no run.

use std::collections::BTreeMap;
use std::ops::Range;

/// A run of lines that both texts have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) old: usize,
    pub(super) new: usize,
    pub(super) lines: usize,
}

const LONG: usize = 200;

/// The runs in their order, followed by an empty one at the end. Adjacent runs are joined.
pub(super) fn runs(old: &[&str], new: &[&str]) -> Vec<Run> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, line) in new.iter().enumerate() {
        places.entry(line).or_default().push(at);
    }
    if new.len() >= LONG {
        let most = new.len() / 100 + 1;
        places.retain(|_, at| at.len() <= most);
    }
    let mut open = vec![(0..old.len(), 0..new.len())];
    let mut found = Vec::new();
    while let Some((in_old, in_new)) = open.pop() {
        let Some(run) = longest(old, new, &places, &in_old, &in_new) else { continue };
        open.push((in_old.start..run.old, in_new.start..run.new));
        open.push((run.old + run.lines..in_old.end, run.new + run.lines..in_new.end));
        found.push(run);
    }
    found.sort_by_key(|run| (run.old, run.new));
    let mut joined: Vec<Run> = Vec::new();
    for run in found {
        match joined.last_mut() {
            Some(last) if last.old + last.lines == run.old && last.new + last.lines == run.new => {
                last.lines += run.lines;
            }
            _ => joined.push(run),
        }
    }
    joined.push(Run { old: old.len(), new: new.len(), lines: 0 });
    joined
}

fn longest(
    old: &[&str],
    new: &[&str],
    places: &BTreeMap<&str, Vec<usize>>,
    in_old: &Range<usize>,
    in_new: &Range<usize>,
) -> Option<Run> {
    let mut best: Option<Run> = None;
    // How long the run is that ends at a line of the second text, for the last line of the first.
    let mut ending: BTreeMap<usize, usize> = BTreeMap::new();
    for at in in_old.clone() {
        let mut next = BTreeMap::new();
        let here = old.get(at).and_then(|line| places.get(line)).map_or(&[][..], Vec::as_slice);
        for other in here.iter().copied().filter(|other| in_new.contains(other)) {
            let before = other.checked_sub(1).and_then(|other| ending.get(&other)).copied().unwrap_or(0);
            let lines = before + 1;
            next.insert(other, lines);
            if best.is_none_or(|best| lines > best.lines) {
                best = Some(Run { old: at + 1 - lines, new: other + 1 - lines, lines });
            }
        }
        ending = next;
    }
    // Lines that begin no run still lengthen one; where nothing begins one, the first two lines may be alike.
    let mut run = best.unwrap_or(Run { old: in_old.start, new: in_new.start, lines: 0 });
    while run.old > in_old.start && run.new > in_new.start && old.get(run.old - 1) == new.get(run.new - 1) {
        run = Run { old: run.old - 1, new: run.new - 1, lines: run.lines + 1 };
    }
    while run.old + run.lines < in_old.end
        && run.new + run.lines < in_new.end
        && old.get(run.old + run.lines) == new.get(run.new + run.lines)
    {
        run.lines += 1;
    }
    (run.lines > 0).then_some(run)
}
