//! Names of images.

/// An image that a policy took.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// The name, as the ImageRepository has it: `btoll/debug`, `ghcr.io/owls/web`.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest (`sha256:<hex>`), where it is known.
    pub digest: Option<String>,
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// A repository of a registry with everything that its short name implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Host, with its port where it has one: `index.docker.io` for Docker Hub.
    pub registry: String,
    /// Path in the registry: `library/alpine`.
    pub path: String,
}

/// Docker Hub's registry, as the usual clients call it.
pub const HUB: &str = "index.docker.io";

/// The registry and the path of a repository's name; names without a registry are Docker Hub's.
#[must_use]
pub fn host_and_path(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => (HUB, name),
    }
}

/// Whether a path can be that of a repository.
///
/// # Errors
/// What is wrong with it, in the words of go-containerregistry.
pub fn check_path(path: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
    if !path.chars().all(allowed) {
        let characters = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
        return Err(format!("repository can only contain the characters `{characters}`: {path}"));
    }
    if !(2..=255).contains(&path.len()) {
        return Err(format!("repository must be between 2 and 255 characters in length: {path}"));
    }
    Ok(())
}

/// The path, with the folder in which Docker Hub has what has none.
#[must_use]
pub fn whole_path(registry: &str, path: &str) -> String {
    if registry == HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() }
}

impl Repository {
    /// Reads the name of a repository: without scheme, tag and digest.
    ///
    /// # Errors
    /// What is wrong with it, in the words of image-reflector-controller and go-containerregistry.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some((scheme, _)) = name.split_once("://") {
            return Err(format!(".spec.image value should not start with URL scheme; remove '{scheme}://'"));
        }
        if name.is_empty() {
            return Err("a repository name must be specified".into());
        }
        let (registry, path) = host_and_path(name);
        if let Some((_, tag)) = path.split_once(':') {
            return Err(format!(".spec.image value should not contain a tag; remove ':{tag}'"));
        }
        check_path(path)?;
        let registry = if registry == "docker.io" { HUB } else { registry };
        let path = whole_path(registry, path);
        Ok(Self { registry: registry.to_ascii_lowercase(), path })
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_those_of_docker_hub() {
        let cases = [
            ("alpine", "index.docker.io/library/alpine"),
            ("btoll/debug", "index.docker.io/btoll/debug"),
            ("docker.io/btoll/debug", "index.docker.io/btoll/debug"),
            ("hub.docker.com/btoll/debug", "hub.docker.com/btoll/debug"),
            ("localhost:5000/a/b/c", "localhost:5000/a/b/c"),
        ];
        for (name, wanted) in cases {
            assert_eq!(Repository::parse(name).map(|found| found.to_string()).as_deref(), Ok(wanted));
        }
        for wrong in ["", "ghcr.io/Upper/case", "https://ghcr.io/a/b", "ghcr.io/a/b:1.0", "ghcr.io/"] {
            assert!(Repository::parse(wrong).is_err(), "{wrong}");
        }
    }
}
