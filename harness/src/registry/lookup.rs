//! The kubelet's question whether an image can be pulled.

use super::store::Absent;
use super::{ImageRef, Registry};
use seatrial_workload::{ImageLookup, Pull};

/// What becomes of images in repositories that the run does not map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownImages {
    /// They can be pulled. The default.
    #[default]
    Pull,
    /// They do not exist.
    Missing,
}

/// The registry as one cluster's nodes see it. See [`Registry::images`].
#[derive(Clone, Debug)]
pub struct Images {
    registry: Registry,
    unknown: UnknownImages,
}

impl Registry {
    /// What the nodes of a cluster ask for images.
    pub fn images(&self, unknown: UnknownImages) -> Images {
        Images { registry: self.clone(), unknown }
    }
}

impl Images {
    /// Whether an image can be pulled.
    ///
    /// # Errors
    /// The message that a kubelet reports when containerd cannot pull.
    pub fn resolve(&self, image: &str) -> Result<(), String> {
        let reference = ImageRef::parse(image).map_err(|_| invalid(image))?;
        match (self.registry.find(&reference), self.unknown) {
            (Ok(()), _) | (Err(Absent::Repository), UnknownImages::Pull) => Ok(()),
            (Err(Absent::Image), _) => Err(not_found(&reference)),
            (Err(Absent::Repository), UnknownImages::Missing) => Err(denied(&reference)),
        }
    }
}

impl ImageLookup for Images {
    fn pull(&self, image: &str) -> Pull {
        self.resolve(image).map_or_else(Pull::Missing, |()| Pull::Ready)
    }
}

fn not_found(image: &ImageRef) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": \
         failed to resolve reference \"{image}\": {image}: not found"
    )
}

fn denied(image: &ImageRef) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": \
         pull access denied, repository does not exist or may require authorization: \
         server message: insufficient_scope: authorization failed"
    )
}

/// A name that no registry can have; the kubelet reports it as `InvalidImageName` before it asks anybody.
fn invalid(image: &str) -> String {
    format!(
        "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid reference format"
    )
}
