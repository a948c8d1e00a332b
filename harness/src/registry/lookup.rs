//! Nodes that pull images.

use super::rules::Refused;
use super::store::Absent;
use super::tokens::TokenFault;
use super::words::{denied, invalid, no_token, not_found, refused, wrong_content};
use super::{ImageRef, Registry};
use seatrial_engine::{OciAuth, OciChallenge, oci_credentials};
use seatrial_workload::{ImageLookup, Login, Pull, PullRequest};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

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

/// What a pull asks for, one after the other: what a tag points at, the manifest, its parts.
const REQUESTS: u32 = 3;

impl Registry {
    /// What the nodes of a cluster ask for images.
    pub fn images(&self, unknown: UnknownImages) -> Images {
        Images { registry: self.clone(), unknown }
    }
}

impl Images {
    /// Whether an image can be pulled without credentials.
    ///
    /// # Errors
    /// The message that a kubelet reports when containerd cannot pull.
    pub fn resolve(&self, image: &str) -> Result<(), String> {
        self.pull(&PullRequest { image, secrets: &[] }).result.map(drop)
    }

    /// One attempt with these credentials, the time that it takes, and the name of what was pulled.
    fn attempt(&self, image: &ImageRef, auth: &OciAuth) -> (Duration, Result<Option<String>, String>) {
        let mut takes = Duration::ZERO;
        let challenge = self.registry.challenge(&image.repository);
        // A token of the pull secret is shown as it is.
        let challenge = challenge.filter(|_| !matches!(auth, OciAuth::Bearer { .. }));
        let mut shown = match &challenge {
            None => auth.clone(),
            Some(challenge) => match self.token(image, auth, challenge) {
                Ok(token) => token,
                Err(problem) => return (takes, Err(problem)),
            },
        };
        for _ in 0..REQUESTS {
            let mut passage = self.registry.ask(&image.repository, &shown);
            takes += passage.latency;
            if let (Some(challenge), Some(Refused::Token(TokenFault::Invalid))) =
                (&challenge, passage.refusal)
            {
                // It has expired: with a new one, once.
                match self.token(image, auth, challenge) {
                    Ok(token) => shown = token,
                    Err(problem) => return (takes, Err(problem)),
                }
                passage = self.registry.ask(&image.repository, &shown);
                takes += passage.latency;
            }
            if let Some(why) = passage.refusal {
                return (takes, Err(refused(image, &why)));
            }
        }
        let found = match (self.registry.find(image), self.unknown) {
            (Ok(digest), _) => Ok(Some(format!("{}@{digest}", image.repository))),
            (Err(Absent::Repository), UnknownImages::Pull) => Ok(None),
            (Err(Absent::Repository), UnknownImages::Missing) => Err(denied(image)),
            (Err(Absent::Image), _) => Err(not_found(image)),
            (Err(Absent::Content { said, actual }), _) => Err(wrong_content(image, &said, &actual)),
        };
        (takes, found)
    }

    /// A token for these credentials from the service of the registry.
    fn token(&self, image: &ImageRef, auth: &OciAuth, challenge: &OciChallenge) -> Result<OciAuth, String> {
        let token = self.registry.give_inside(&image.repository, auth);
        let url = challenge.url(&OciChallenge::pull_scope(image.repository.path()));
        token.map(|token| OciAuth::Bearer { token }).ok_or_else(|| no_token(image, &url))
    }
}

impl ImageLookup for Images {
    /// Tries the credentials of all Secrets that have some for the registry, as kubelets do; without any, none.
    fn pull(&self, request: &PullRequest<'_>) -> Pull {
        let Ok(image) = ImageRef::parse(request.image) else { return Pull::missing(invalid(request.image)) };
        let mut all: Vec<(OciAuth, Option<Login>)> =
            credentials(&image, request).map(|(auth, login)| (auth, Some(login))).collect();
        if all.is_empty() {
            all.push((OciAuth::None, None));
        }
        let (mut takes, mut problems) = (Duration::ZERO, Vec::new());
        for (auth, login) in all {
            let (time, result) = self.attempt(&image, &auth);
            takes += time;
            match result {
                Ok(id) => return Pull { result: Ok(id), takes, login },
                Err(problem) if !problems.contains(&problem) => problems.push(problem),
                Err(_) => {}
            }
        }
        let told = match problems.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        Pull { result: Err(told), takes, login: None }
    }

    fn logins(&self, request: &PullRequest<'_>) -> Vec<Login> {
        let Ok(image) = ImageRef::parse(request.image) else { return Vec::new() };
        credentials(&image, request).map(|(_, login)| login).collect()
    }
}

/// What the Secrets of a pod have for the registry of an image.
fn credentials<'a>(
    image: &ImageRef,
    request: &'a PullRequest<'_>,
) -> impl Iterator<Item = (OciAuth, Login)> + use<'a> {
    let host = match image.repository.registry() {
        "docker.io" => "index.docker.io".to_owned(),
        other => other.to_owned(),
    };
    request.secrets.iter().filter_map(move |secret| {
        let auth = oci_credentials(secret, &host);
        let digest = digest(&auth)?;
        Some((auth, Login::new(secret, digest)))
    })
}

/// A digest of credentials; none where there are none.
fn digest(auth: &OciAuth) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    match auth {
        OciAuth::None => return None,
        OciAuth::Basic { username, password } => {
            hash.update(Sha256::digest(username));
            hash.update(&password.0);
        }
        OciAuth::Bearer { token } => hash.update(&token.0),
    }
    Some(hash.finalize().into())
}
