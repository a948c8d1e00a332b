//! The step that changes how the registry answers.

use super::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Changes how a repository of the registry answers Flux from now on. What is not given is as in the beginning.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginSpec {
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl SetRegistry {
    /// What is wrong with it, with the field that is.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        if let Some(fault) = &self.fault {
            if fault.status != 429 && !(500..600).contains(&fault.status) {
                return Some(("fault", "`status` is 429, or one of 500 to 599"));
            }
            if fault.retry_after.is_some() && fault.times.is_none() {
                return Some(("fault", "`retryAfter` goes with `times`"));
            }
        }
        let login = self.login.as_ref()?;
        let given = (login.username.is_some(), login.password.is_some(), login.token.is_some());
        (!matches!(given, (true, true, false) | (false, false, true)))
            .then_some(("login", "`login` has `username` and `password`, or `token`"))
    }
}
