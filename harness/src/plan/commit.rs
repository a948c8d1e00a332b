//! Messages of commits.

use super::Edits;

/// The message of a commit: what the scenario says, else what changes.
pub(super) fn message(given: Option<&str>, edits: &Edits) -> String {
    if let Some(text) = given {
        return text.to_owned();
    }
    let mut changed: Vec<&str> = edits.patches.iter().map(|p| p.path.as_str()).collect();
    changed.extend(edits.write.keys().map(String::as_str));
    changed.dedup();
    match (changed.as_slice(), edits.remove.as_slice()) {
        ([], [one]) => format!("Remove {one}"),
        ([], many) => format!("Remove {} files", many.len()),
        ([one], []) => format!("Change {one}"),
        (many, removed) => format!("Change {} files", many.len() + removed.len()),
    }
}
