//! The images that a scenario begins with.

use super::{Build, Digest, ImageRef, Registry, RegistryError, RepositoryName};
use crate::scenario::{ImageSpec, Push, RepositorySpec};
use seatrial_time::Clock;

impl Build {
    /// What a seed says of its image.
    ///
    /// # Errors
    /// [`RegistryError::BadDigest`], [`RegistryError::BadTime`].
    fn of(
        labels: &std::collections::BTreeMap<String, String>,
        created: Option<&String>,
        digest: Option<&String>,
    ) -> Result<Build, RegistryError> {
        let created = created
            .map(|text| text.parse().map_err(|_| RegistryError::BadTime { text: text.clone() }))
            .transpose()?;
        let digest = digest
            .map(|text| Digest::parse(text).ok_or_else(|| RegistryError::BadDigest { text: text.clone() }))
            .transpose()?;
        Ok(Build { labels: labels.clone(), created, digest })
    }

    /// What the step `push` says of its image.
    ///
    /// # Errors
    /// As for seeds.
    pub fn pushed(push: &Push) -> Result<Build, RegistryError> {
        Build::of(&push.labels, push.created.as_ref(), push.digest.as_ref())
    }
}

impl Registry {
    /// Maps a repository of a scenario: its images, and who may use it.
    ///
    /// # Errors
    /// As [`Registry::seed`].
    pub fn add(
        &self,
        name: &str,
        spec: &RepositorySpec,
        clock: &Clock,
    ) -> Result<RepositoryName, RegistryError> {
        let repository = self.seed(name, spec.images())?;
        if let Some(tokens) = spec.tokens() {
            self.guard(name, tokens, clock)?;
        }
        Ok(repository)
    }

    /// Maps a repository with the images of a scenario.
    ///
    /// # Errors
    /// As [`Registry::create`]; [`RegistryError::BadDigest`], [`RegistryError::BadTime`].
    pub fn seed(&self, name: &str, images: &[ImageSpec]) -> Result<RepositoryName, RegistryError> {
        let repository = self.create(name, [] as [&str; 0])?;
        for image in images {
            let (tag, build) = match image {
                ImageSpec::Tag(tag) => (tag, Build::default()),
                ImageSpec::Image(image) => {
                    (&image.tag, Build::of(&image.labels, image.created.as_ref(), image.digest.as_ref())?)
                }
            };
            ImageRef::parse(&format!("{repository}:{tag}"))?;
            self.put(&repository, tag, &build)?;
        }
        Ok(repository)
    }
}
