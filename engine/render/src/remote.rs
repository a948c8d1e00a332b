//! Remote sources: how kustomizations name them, and who brings them.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::{Tree, path};

/// How long git may take where the URL does not say it.
const USUAL_TIMEOUT: Duration = Duration::from_secs(27);

/// A directory of a Git repository, as an entry of `resources` or `components` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteDir {
    /// The entry as it was written.
    pub entry: String,
    /// What git clones: `https://github.com/org/repo`, `git@github.com:org/repo`, `file:///srv/repo`.
    pub url: String,
    /// The branch, tag or commit; `None` for the repository's default branch.
    pub reference: Option<String>,
    /// The directory in the repository, clean; empty for its root.
    pub dir: String,
    /// How long the clone may take; 27 seconds where nothing is said.
    pub timeout: Duration,
    /// Whether submodules are checked out too.
    pub submodules: bool,
    /// Whether the entry began with the deprecated `git::`.
    pub forced: bool,
}

/// Why a remote source is not there. The texts say which one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// A server's answer to the request for a file, where it is not a status from 200 to 299.
    #[error("status code {code} ({reason})")]
    Status {
        /// The number.
        code: u16,
        /// Its name.
        reason: String,
    },
    /// There is no such source here, the network does not lead there, or git failed.
    #[error("{0}")]
    Failed(
        /// What is wrong.
        String,
    ),
}

/// Brings remote sources: single files by HTTP, and Git repositories. Asked by several threads at a time.
///
/// Answers must not change during a build.
pub trait Remotes: Send + Sync {
    /// The content behind the URL (`http://` or `https://`) of a single file.
    ///
    /// A URL that may name a repository is asked for as a file first, as kustomize does it.
    ///
    /// # Errors
    /// See [`RemoteError`].
    fn file(&self, url: &str) -> Result<Bytes, RemoteError>;

    /// All files of a repository, of the commit that `remote` names.
    ///
    /// # Errors
    /// See [`RemoteError`].
    fn repository(&self, remote: &RemoteDir) -> Result<Tree, RemoteError>;
}

impl RemoteDir {
    /// Reads an entry: `https://`, `http://`, `ssh://`, `file://`, `user@host:path`, or `github.com/org/repo`. The repository
    /// ends at `//`, else behind `.git`, else behind the part that follows `_git/`, else behind its second part (all of it
    /// for `file://`); what follows is the directory. `?ref=` (or `version=`), `timeout=` and `submodules=` may come behind.
    ///
    /// `None` for what is no remote repository in kustomize's eyes, and where the directory leads out of the repository.
    pub fn parse(entry: &str) -> Option<RemoteDir> {
        let unforced = without_prefix(entry, "git::");
        let (location, query) =
            unforced.unwrap_or(entry).split_once('?').unwrap_or((unforced.unwrap_or(entry), ""));
        let (host, path) = split_host(location)?;
        let (repo, dir) = split_path(path, host == "file://")?;
        let query = Query::parse(query);
        Some(RemoteDir {
            entry: entry.to_owned(),
            url: [&host, repo].concat(),
            reference: query.reference,
            dir: path::clean(dir.trim_start_matches('/'))?,
            timeout: query.timeout.unwrap_or(USUAL_TIMEOUT),
            submodules: query.submodules,
            forced: unforced.is_some(),
        })
    }
}

/// Whether kustomize would fetch this path by HTTP.
pub(crate) fn is_url(path: &str) -> bool {
    without_prefix(path, "http://").is_some() || without_prefix(path, "https://").is_some()
}

fn without_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// A user's name with its `@`.
fn user(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    match text[end..].starts_with('@') && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => &text[..=end],
        false => "",
    }
}

/// What stands before the path of a repository, as git wants it, and the path.
fn split_host(location: &str) -> Option<(String, &str)> {
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let known = schemes.iter().find_map(|scheme| Some((*scheme, without_prefix(location, scheme)?)));
    let (scheme, rest) = known.unwrap_or(("", location));
    if scheme == "file://" {
        return (!rest.is_empty()).then(|| (scheme.to_owned(), rest));
    }
    let user = user(rest);
    let rest = &rest[user.len()..];
    let of_github = rest.get(..11).is_some_and(|start| {
        start.eq_ignore_ascii_case("github.com/") || start.eq_ignore_ascii_case("github.com:")
    });
    if scheme.is_empty() && user.is_empty() && !of_github {
        return None;
    }
    let ends: &[char] = if scheme.is_empty() { &['/', ':'] } else { &['/'] };
    let (host, path) = rest.split_at(rest.find(ends)? + 1);
    let host = match of_github {
        true if user.is_empty() && scheme != "ssh://" => "https://github.com/".to_owned(),
        true => format!("{user}github.com:"),
        false => [scheme, user, host].concat(),
    };
    Some((host, path))
}

/// A repository's path, and the directory in it.
fn split_path(path: &str, is_file: bool) -> Option<(&str, &str)> {
    if let Some(at) = path.find("//") {
        return (at > 0).then(|| path.split_at(at));
    }
    if let Some(at) = path.find(".git") {
        return Some(path.split_at(at + 4));
    }
    let end_of_part = |from: usize| path[from..].find('/').map_or(path.len(), |at| from + at);
    if let Some(at) = path.find("_git/") {
        return Some(path.split_at(end_of_part(at + 5)));
    }
    if is_file {
        return Some((path, ""));
    }
    let second = path.find('/')? + 1;
    Some(path.split_at(end_of_part(second)))
}

/// What stands behind the `?`.
struct Query {
    reference: Option<String>,
    timeout: Option<Duration>,
    submodules: bool,
}

impl Query {
    fn parse(text: &str) -> Query {
        let get = |wanted: &str| {
            let mut pairs = text.split('&').filter(|pair| !pair.contains(';'));
            let found = pairs.find_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (unescaped(key)? == wanted).then(|| unescaped(value)).flatten()
            });
            found.filter(|value| !value.is_empty())
        };
        let off = |value: String| matches!(value.as_str(), "0" | "f" | "F" | "false" | "False" | "FALSE");
        Query {
            reference: get("ref").or_else(|| get("version")),
            timeout: get("timeout").and_then(|value| duration(&value)),
            submodules: !get("submodules").is_some_and(off),
        }
    }
}

/// `%2F` is `/`, `+` is a space; `None` for broken escapes.
fn unescaped(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// `27`, `1m30s`, `500ms`; `None` for anything else, and for nothing.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let seconds = match &after[..unit] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &after[unit..];
    }
    (!total.is_zero()).then_some(total)
}

/// A message without the passwords and tokens of its URLs: a name without a password is a token where it stands before the host
/// of a web server.
pub(crate) fn redacted(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let authority = after.find(['/', '\'', '"', ' ', '\n', '?', '#']).unwrap_or(after.len());
        let scheme = before.to_ascii_lowercase();
        let is_web = scheme.ends_with("http://") || scheme.ends_with("https://");
        let secret = after[..authority].rfind('@').and_then(|end| match after[..end].find(':') {
            Some(colon) => Some((&after[..colon], ":***", end)),
            None => is_web.then_some(("", "***", end)),
        });
        rest = match secret {
            Some((name, stars, end)) => {
                out.push_str(name);
                out.push_str(stars);
                &after[end..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    without_tokens(&out)
}

/// A message without the values of `token=` in the queries of its URLs.
fn without_tokens(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find("token=") {
        let (before, after) = rest.split_at(at + "token=".len());
        out.push_str(before);
        let end = after.find(['&', '\'', '"', ' ', '\n', '#']).unwrap_or(after.len());
        if end > 0 {
            out.push_str("***");
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RemoteDir, duration, redacted};

    /// What kustomize v5.8.1 tells git, seen with a `git` that writes down how it is called.
    #[test]
    fn entries_name_what_kustomize_clones() {
        let cases = include_str!("../tests/remote_urls.txt");
        let mut count = 0;
        for line in cases.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            let (entry, url, reference, dir) = (next(), next(), next(), next());
            let parsed = RemoteDir::parse(entry);
            let got = parsed.as_ref().map_or(("", "", ""), |remote| {
                (remote.url.as_str(), remote.reference.as_deref().unwrap_or("HEAD"), remote.dir.as_str())
            });
            assert_eq!(got, (url, reference, dir), "{entry}");
            count += 1;
        }
        assert!(count > 100, "only {count} cases");
    }

    #[test]
    fn queries_set_the_timeout_and_turn_submodules_off() {
        let of = |query: &str| {
            RemoteDir::parse(&format!("https://host/o/r?{query}"))
                .map(|r| (r.timeout.as_millis(), r.submodules))
        };
        for (query, wanted) in [
            ("", (27_000, true)),
            ("timeout=2", (2000, true)),
            ("timeout=1m30s&submodules=false", (90_000, false)),
            ("submodules=0&timeout=abc", (27_000, false)),
            ("timeout=-1&submodules=no", (27_000, true)),
        ] {
            assert_eq!(of(query), Some(wanted), "{query}");
        }
        assert_eq!(duration("1.5h2us"), Some(Duration::from_micros(5_400_000_002)));
        assert_eq!(duration("5x"), None);
    }

    #[test]
    fn passwords_are_taken_out_of_messages() {
        for (message, wanted) in [
            ("from 'https://me:secret@host/o/r': no", "from 'https://me:***@host/o/r': no"),
            ("https://a:b@h, https://c:d@e@h/", "https://a:***@h, https://c:***@h/"),
            ("ssh://git@host:22/a", "ssh://git@host:22/a"),
            ("http://host:80/a@b", "http://host:80/a@b"),
            ("HTTPS://ghp_x@host/o/r", "HTTPS://***@host/o/r"),
            ("https://host?at=me@there", "https://host?at=me@there"),
            (
                "Get \"https://host/f.yaml?token=abc&x=1\": no",
                "Get \"https://host/f.yaml?token=***&x=1\": no",
            ),
        ] {
            assert_eq!(redacted(message), wanted);
        }
    }
}
