//! Image names as manifests, people and container runtimes write them.

use super::{Digest, RegistryError};
use std::fmt;

/// A repository by its full name: `docker.io/btoll/debug`.
///
/// `btoll/debug`, `hub.docker.com/btoll/debug` and `index.docker.io/btoll/debug` are the same repository, and so are
/// `nginx` and `docker.io/library/nginx`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName {
    registry: String,
    path: String,
}

/// An image: a repository with a tag, a digest, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef {
    /// The repository.
    pub repository: RepositoryName,
    /// The tag, as written.
    pub tag: Option<String>,
    /// The digest, as written.
    pub digest: Option<Digest>,
}

/// Where a name without a registry lives.
const DOCKER_HUB: &str = "docker.io";
/// Other names of the same registry: the web site that people copy from, and its API hosts.
const DOCKER_HUB_ALIASES: [&str; 4] =
    ["hub.docker.com", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

impl RepositoryName {
    /// Reads a name without tag and digest.
    ///
    /// # Errors
    /// [`RegistryError::BadReference`].
    pub fn parse(text: &str) -> Result<RepositoryName, RegistryError> {
        let image = ImageRef::parse(text)?;
        if image.tag.is_some() || image.digest.is_some() {
            return Err(bad(text, "a repository has neither tag nor digest"));
        }
        Ok(image.repository)
    }

    /// The registry's host, with its port where it has one: `docker.io`, `ghcr.io`, `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in that registry: `btoll/debug`, `library/nginx`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl ImageRef {
    /// Reads `[registry/]path[:tag][@digest]`.
    ///
    /// # Errors
    /// [`RegistryError::BadReference`] with what is wrong.
    pub fn parse(text: &str) -> Result<ImageRef, RegistryError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (
                rest,
                Some(Digest::parse(digest).ok_or_else(|| {
                    bad(text, "a digest is sha256: and 64, or sha512: and 128 hexadecimal digits")
                })?),
            ),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if let Some(tag) = tag {
            check_tag(tag).map_err(|problem| bad(text, problem))?;
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (host.to_ascii_lowercase(), path)
            }
            _ => (DOCKER_HUB.to_owned(), name),
        };
        if registry.split(':').any(str::is_empty) {
            return Err(bad(text, "its registry is no host name"));
        }
        let registry =
            if DOCKER_HUB_ALIASES.contains(&registry.as_str()) { DOCKER_HUB.to_owned() } else { registry };
        check_path(path).map_err(|problem| bad(text, problem))?;
        let path = if registry == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        Ok(ImageRef { repository: RepositoryName { registry, path }, tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for ImageRef {
    /// The full name, as a container runtime shows it; an image without tag and digest is `latest`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        match (&self.tag, &self.digest) {
            (None, None) => f.write_str(":latest"),
            (Some(tag), None) => write!(f, ":{tag}"),
            // A digest wins over a tag.
            (_, Some(digest)) => write!(f, "@{digest}"),
        }
    }
}

fn bad(text: &str, problem: &'static str) -> RegistryError {
    RegistryError::BadReference { text: text.to_owned(), problem }
}

fn check_tag(tag: &str) -> Result<(), &'static str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let ok =
        tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || matches!(c, '.' | '-'));
    if ok { Ok(()) } else { Err("a tag is at most 128 letters, digits, '_', '.' and '-'") }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    for part in path.split('/') {
        if part.is_empty() {
            return Err("its path has an empty part");
        }
        if part.chars().any(|c| c.is_ascii_uppercase()) {
            return Err("its path must be in lower case");
        }
        let ok = part.starts_with(lower)
            && part.ends_with(lower)
            && part.chars().all(|c| lower(c) || matches!(c, '.' | '_' | '-'));
        if !ok {
            return Err(
                "a part of its path is made of lower-case letters and digits, joined by '.', '_' or '-'",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const HEX: &str = "9b2cf21e2c3f7d2a6c0d4c8d1c5b3f7e9b2cf21e2c3f7d2a6c0d4c8d1c5b3f7e";

    #[rstest]
    #[case::short("nginx", "docker.io/library/nginx:latest")]
    #[case::with_an_owner("btoll/debug:1.0.0", "docker.io/btoll/debug:1.0.0")]
    #[case::the_web_site("hub.docker.com/btoll/debug", "docker.io/btoll/debug:latest")]
    #[case::docker_io("docker.io/btoll/debug:1.0.0", "docker.io/btoll/debug:1.0.0")]
    #[case::docker_io_short("docker.io/nginx:1", "docker.io/library/nginx:1")]
    #[case::index("index.docker.io/btoll/debug", "docker.io/btoll/debug:latest")]
    #[case::other_registry("ghcr.io/fluxcd/flux2:v2", "ghcr.io/fluxcd/flux2:v2")]
    #[case::case_of_the_host("GHCR.io/fluxcd/flux2:v2", "ghcr.io/fluxcd/flux2:v2")]
    #[case::deep_path(
        "registry.k8s.io/e2e-test-images/jessie-dnsutils:1.7",
        "registry.k8s.io/e2e-test-images/jessie-dnsutils:1.7"
    )]
    #[case::port("localhost:5000/debug", "localhost:5000/debug:latest")]
    #[case::port_and_tag("localhost:5000/debug:1", "localhost:5000/debug:1")]
    #[case::localhost("localhost/debug", "localhost/debug:latest")]
    fn names_are_completed(#[case] text: &str, #[case] want: &str) {
        assert_eq!(ImageRef::parse(text).unwrap().to_string(), want);
    }

    #[rstest]
    #[case::alone(format!("btoll/debug@sha256:{HEX}"), None)]
    #[case::with_a_tag(format!("btoll/debug:1.0.0@sha256:{HEX}"), Some("1.0.0"))]
    fn a_digest_wins_over_a_tag(#[case] text: String, #[case] tag: Option<&str>) {
        let image = ImageRef::parse(&text).unwrap();
        assert_eq!(image.to_string(), format!("docker.io/btoll/debug@sha256:{HEX}"));
        assert_eq!(image.tag.as_deref(), tag);
    }

    #[rstest]
    #[case::empty("", "empty part")]
    #[case::upper_case("Btoll/debug", "lower case")]
    #[case::empty_tag("btoll/debug:", "a tag is")]
    #[case::bad_tag("btoll/debug:a b", "a tag is")]
    #[case::short_digest("btoll/debug@sha256:abc", "a digest is")]
    #[case::scheme("https://ghcr.io/a/b", "host name")]
    #[case::double_slash("ghcr.io//b", "empty part")]
    #[case::dash_at_the_end("btoll/debug-", "joined by")]
    fn what_is_no_image_is_refused(#[case] text: &str, #[case] want: &str) {
        let message = ImageRef::parse(text).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    }
}
