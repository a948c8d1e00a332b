//! Git URLs, reduced to what they address.

use super::ForgeError;
use std::fmt;

/// What a Git URL addresses: the host in lower case and the path, without scheme, user, default port, `.git` and slashes
/// at the end. `https://GitHub.com/owls/gitops.git`, `ssh://git@github.com:22/owls/gitops` and
/// `git@github.com:owls/gitops` are all `github.com/owls/gitops`.
///
/// The path keeps its case: a forge that ignores it also redirects to the one right spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitUrl(String);

/// The schemes that are understood, with the ports that go without saying.
const SCHEMES: [(&str, &str); 5] =
    [("https", "443"), ("http", "80"), ("ssh", "22"), ("git", "9418"), ("git+ssh", "22")];

impl GitUrl {
    /// Reads a URL: `https://`, `http://`, `ssh://`, `git://`, `git+ssh://`, `file://`, or `[user@]host:path`.
    ///
    /// # Errors
    /// [`ForgeError::BadUrl`] with what is wrong.
    pub fn parse(text: &str) -> Result<GitUrl, ForgeError> {
        let bad = |problem| ForgeError::BadUrl { url: text.to_owned(), problem };
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(bad("it contains white space"));
        }
        let (host, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                if scheme == "file" {
                    (String::new(), path)
                } else {
                    let (_, port) = SCHEMES
                        .iter()
                        .find(|(name, _)| *name == scheme)
                        .ok_or_else(|| bad("its scheme is none of https, http, ssh, git, git+ssh, file"))?;
                    (host(authority, port).ok_or_else(|| bad("it names no host"))?, path)
                }
            }
            None => match text.split_once(':') {
                Some((authority, path)) if !authority.contains('/') => {
                    (host(authority, "").ok_or_else(|| bad("it names no host"))?, path)
                }
                _ => return Err(bad("it has neither a scheme nor the form user@host:path")),
            },
        };
        if path.contains(['?', '#']) {
            return Err(bad("it has a query or a fragment"));
        }
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if let Some(last) = parts.last_mut() {
            *last = last.strip_suffix(".git").unwrap_or(last);
        }
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() {
            return Err(bad("it names no repository"));
        }
        Ok(GitUrl(format!("{host}/{}", parts.join("/"))))
    }

    /// The last part of the path: the repository's own name.
    pub fn repository_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The host, with its port where that is not the usual one; empty for `file://`.
    pub fn host(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Owner and name, where the path is made of these two.
    pub fn owner_and_name(&self) -> Option<(&str, &str)> {
        let (_, path) = self.0.split_once('/')?;
        path.split_once('/').filter(|(_, name)| !name.contains('/'))
    }

    /// `host/path`; the host is empty for `file://`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The host of `[user@]host[:port]`, in lower case, with the port only where it is not the usual one.
fn host(authority: &str, usual_port: &str) -> Option<String> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.is_empty() || port == usual_port => name.to_owned(),
        _ => host,
    };
    (!host.is_empty() && !host.starts_with(':')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::https("https://github.com/owls-nest-farm/gitops", "github.com/owls-nest-farm/gitops")]
    #[case::git_suffix("https://github.com/owls/gitops.git", "github.com/owls/gitops")]
    #[case::slash_at_the_end("https://github.com/owls/gitops/", "github.com/owls/gitops")]
    #[case::suffix_and_slash("https://github.com/owls/gitops.git/", "github.com/owls/gitops")]
    #[case::case_of_the_host("https://GitHub.COM/Owls/GitOps", "github.com/Owls/GitOps")]
    #[case::case_of_the_scheme("HTTPS://github.com/owls/gitops", "github.com/owls/gitops")]
    #[case::token_in_the_url("https://user:token@github.com/owls/gitops", "github.com/owls/gitops")]
    #[case::usual_port("https://github.com:443/owls/gitops", "github.com/owls/gitops")]
    #[case::other_port("https://git.local:8443/owls/gitops", "git.local:8443/owls/gitops")]
    #[case::http("http://git.local:80/owls/gitops", "git.local/owls/gitops")]
    #[case::ssh("ssh://git@github.com/owls/gitops", "github.com/owls/gitops")]
    #[case::ssh_port("ssh://git@github.com:22/owls/gitops.git", "github.com/owls/gitops")]
    #[case::scp("git@github.com:owls/gitops.git", "github.com/owls/gitops")]
    #[case::scp_without_a_user("github.com:owls/gitops", "github.com/owls/gitops")]
    #[case::scp_with_a_rooted_path("git@github.com:/owls/gitops", "github.com/owls/gitops")]
    #[case::doubled_slashes("https://github.com//owls//gitops", "github.com/owls/gitops")]
    #[case::file("file:///srv/git/gitops.git", "/srv/git/gitops")]
    fn urls_are_reduced_to_what_they_address(#[case] url: &str, #[case] want: &str) {
        assert_eq!(GitUrl::parse(url).unwrap().as_str(), want);
    }

    #[rstest]
    #[case::empty("", "neither a scheme")]
    #[case::a_path("../gitops", "neither a scheme")]
    #[case::no_host("https:///owls/gitops", "names no host")]
    #[case::no_path("https://github.com", "names no repository")]
    #[case::only_a_suffix("https://github.com/.git", "names no repository")]
    #[case::unknown_scheme("ftp://github.com/owls/gitops", "scheme is none of")]
    #[case::a_query("https://github.com/owls/gitops?ref=main", "query")]
    #[case::white_space("https://github.com/owls/git ops", "white space")]
    fn what_is_no_git_url_is_refused(#[case] url: &str, #[case] want: &str) {
        let message = GitUrl::parse(url).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    }
}
