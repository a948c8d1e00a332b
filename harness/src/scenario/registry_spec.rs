//! What a scenario's registry has, and whom its token service lets in.

use super::Span;
use super::registry_step::ImageSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A repository of the registry: its images, or more about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RepositorySpec {
    /// Its images.
    Images(Vec<ImageSpec>),
    /// Its images, and who may use it.
    Guarded(GuardedSpec),
}

/// A repository of the registry that a token service guards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardedSpec {
    /// Its images. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageSpec>,
    /// Has the registry send clients to a token service (Docker's token authentication), which gives out tokens that hold for a
    /// while. Default: everybody is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokensSpec>,
}

/// Whom the token service lets in, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokensSpec {
    /// How long a token holds. Default: 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Span>,
    /// What everybody may do, without credentials, too. Default: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anonymous: Vec<TokenAction>,
    /// Users, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, TokenUserSpec>,
}

/// A user of the token service.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenUserSpec {
    /// The password.
    #[schemars(extend("writeOnly" = true))]
    pub password: String,
    /// What the user may do with this repository. Default: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<TokenAction>>,
}

impl fmt::Debug for TokenUserSpec {
    /// Hides the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenUserSpec").field("password", &"***").field("actions", &self.actions).finish()
    }
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TokenAction {
    /// Reading.
    Pull,
    /// Writing.
    Push,
    /// Deleting.
    Delete,
}

impl TokenAction {
    /// All of them.
    pub const ALL: [TokenAction; 3] = [TokenAction::Pull, TokenAction::Push, TokenAction::Delete];

    /// Its word in scopes.
    pub fn word(self) -> &'static str {
        match self {
            TokenAction::Pull => "pull",
            TokenAction::Push => "push",
            TokenAction::Delete => "delete",
        }
    }
}

impl RepositorySpec {
    /// Its images.
    pub fn images(&self) -> &[ImageSpec] {
        match self {
            RepositorySpec::Images(images) => images,
            RepositorySpec::Guarded(guarded) => &guarded.images,
        }
    }

    /// Whom its token service lets in, where it has one.
    pub fn tokens(&self) -> Option<&TokensSpec> {
        match self {
            RepositorySpec::Images(_) => None,
            RepositorySpec::Guarded(guarded) => guarded.tokens.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{GuardedSpec, RepositorySpec, SetRegistry};
    use serde_json::{Value, json};

    #[test]
    fn the_registrys_secrets_are_not_shown() {
        let users = json!({"ann": {"password": "hidden", "actions": ["pull"]}});
        let spec: GuardedSpec = serde_json::from_value(json!({"tokens": {"users": users}})).unwrap();
        let login = |login: Value| -> SetRegistry {
            serde_json::from_value(json!({"repository": "r", "login": login})).unwrap()
        };
        for shown in [
            format!("{:?}", RepositorySpec::Guarded(spec)),
            format!("{:?}", login(json!({"username": "ann", "password": "hidden"}))),
            format!("{:?} ann", login(json!({"token": "hidden"}))),
        ] {
            assert!(!shown.contains("hidden"), "{shown}");
            assert!(shown.contains("***") && shown.contains("ann"), "{shown}");
        }
    }
}
