//! The images of the registry, and the step that changes how it answers.

use super::Span;
use super::references::is_tag;
use crate::registry::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// An image of the registry: its tag, or more about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ImageSpec {
    /// The tag of an image that is generated.
    Tag(String),
    /// What the generated image is.
    Image(ImageSeed),
}

impl ImageSpec {
    /// Its tag.
    pub fn tag(&self) -> &str {
        match self {
            ImageSpec::Tag(tag) => tag,
            ImageSpec::Image(image) => &image.tag,
        }
    }
}

/// A generated image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageSeed {
    /// Its tag: `1.0.0`.
    pub tag: String,
    /// Labels of its configuration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// When it was built: `2024-05-01T12:00:00Z`. Default: it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The digest by which it is known, whatever its content: `sha256:…`. Default: that of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Changes how a repository of the registry answers from now on: Flux, nodes that pull, and clients over HTTP. What is not given is as in the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetRegistry {
    /// The image repository: `btoll/debug`.
    pub repository: String,
    /// Refusals, in place of what is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultSpec>,
    /// How long every answer takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Span>,
    /// Whom it lets in. Default: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginSpec>,
    /// Every token has expired by the time it is shown. Goes with a repository that `tokens` guard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired_tokens: bool,
    /// Tags that point elsewhere: at what another tag, or a digest, points at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<String, String>,
    /// Tags of which it says a digest that their content does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong_digests: Vec<String>,
}

/// Refusals of a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultSpec {
    /// The status: 429 (too many requests), or one of 500 to 599.
    pub status: u16,
    /// How many requests are refused. Default: all, until another `setRegistry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How long after the first refusal all requests are refused, however many they are (`Retry-After`). Needs `times`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
}

/// The credentials that are let in: user name and password, or a token.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginSpec {
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
    /// The bearer token. It is let in as the password of any user, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("writeOnly" = true))]
    pub token: Option<String>,
    /// How long they are let in. Default: until another `setRegistry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Span>,
}

impl fmt::Debug for LoginSpec {
    /// Hides what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "***");
        f.debug_struct("LoginSpec")
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .field("token", &hidden(&self.token))
            .field("expires_after", &self.expires_after)
            .finish()
    }
}

impl SetRegistry {
    /// What is wrong with it, with the field that is.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        if let Some(fault) = &self.fault {
            if fault.status != 429 && !(500..600).contains(&fault.status) {
                return Some(("fault", "`status` is 429, or one of 500 to 599"));
            }
            if fault.times == Some(0) {
                return Some(("fault", "`times` is 1 or more: with 0 nothing would be refused"));
            }
            if fault.retry_after.is_some() && fault.times.is_none() {
                return Some(("fault", "`retryAfter` goes with `times`"));
            }
        }
        if let Some(problem) = self.tags_problem() {
            return Some(problem);
        }
        let login = self.login.as_ref()?;
        let given = (login.username.is_some(), login.password.is_some(), login.token.is_some());
        (!matches!(given, (true, true, false) | (false, false, true)))
            .then_some(("login", "`login` has `username` and `password`, or `token`"))
    }

    fn tags_problem(&self) -> Option<(&'static str, &'static str)> {
        let is_place = |to: &String| is_tag(to) || Digest::parse(to).is_some();
        if !self.moved.iter().all(|(tag, to)| is_tag(tag) && is_place(to)) {
            return Some(("moved", "`moved` leads from tags to tags or digests"));
        }
        if !self.wrong_digests.iter().all(|tag| is_tag(tag)) {
            return Some(("wrongDigests", "`wrongDigests` are tags"));
        }
        None
    }
}

/// What is wrong with what a seed or a push says of its image, with the field that is.
pub(super) fn image_problem(
    created: Option<&String>,
    digest: Option<&String>,
) -> Option<(&'static str, &'static str)> {
    if created.is_some_and(|time| time.parse::<jiff::Timestamp>().is_err()) {
        return Some(("created", "`created` is a time such as 2024-05-01T12:00:00Z"));
    }
    if digest.is_some_and(|digest| Digest::parse(digest).is_none()) {
        let words = "`digest` is sha256: and 64, or sha512: and 128 hexadecimal digits";
        return Some(("digest", words));
    }
    None
}
