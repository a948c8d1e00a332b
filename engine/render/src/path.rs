//! Paths inside a tree: relative, separated by `/`, without `.` and `..`; the root is the empty path.

/// `dir/name`, or `name` in the root.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { [dir, "/", name].concat() }
}

/// Removes `.` and empty parts, and resolves `..`. `None` where the path leads out of the root.
pub(crate) fn clean(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    for part in split(path) {
        match part {
            "" | "." => {}
            ".." if out.is_empty() => return None,
            ".." => out.truncate(parent(&out).len()),
            _ => {
                if !out.is_empty() {
                    out.push('/');
                }
                out.push_str(part);
            }
        }
    }
    Some(out)
}

/// What stands between the slashes of a path.
fn split(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let text = rest?;
        // Parts are short: looking at each byte is faster than a search.
        let end = text.bytes().position(|byte| byte == b'/');
        rest = end.and_then(|end| text.get(end + 1..));
        end.map_or(Some(text), |end| text.get(..end))
    })
}

/// The path without its last part; the root of the root is the root.
pub(crate) fn parent(path: &str) -> &str {
    let end = path.bytes().rposition(|byte| byte == b'/').unwrap_or(0);
    path.get(..end).unwrap_or_default()
}

/// The last part.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether `path` is `dir`, or below it.
pub(crate) fn is_within(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Joins two relative paths; `..` at the start stays (`../base` and `../x` give `../x`). The directory itself is empty.
pub(crate) fn join_relative(dir: &str, name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in split(dir).chain(split(name)) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
