//! Who sends a request.

/// The user behind a client, as an authenticator would have found out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The user's name (`admin`, `system:serviceaccount:flux-system:kustomize-controller`).
    pub user: String,
    /// The groups that the user is in, without `system:authenticated`.
    pub groups: Vec<String>,
}

impl Identity {
    /// A user in these groups.
    pub fn new<G: Into<String>>(user: impl Into<String>, groups: impl IntoIterator<Item = G>) -> Identity {
        Identity { user: user.into(), groups: groups.into_iter().map(Into::into).collect() }
    }

    /// The user `admin` in the group `system:masters`, to whom everything is allowed.
    pub fn admin() -> Identity {
        Identity::new("admin", ["system:masters"])
    }

    /// All groups of the user.
    pub(crate) fn all_groups(&self) -> Vec<String> {
        let mut groups = self.groups.clone();
        if !groups.iter().any(|group| group == "system:authenticated") {
            groups.push("system:authenticated".to_owned());
        }
        groups
    }

    /// Whether everything is allowed, whatever roles say.
    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }

    /// A service account of the cluster, with the groups that its token would carry.
    pub fn service_account(namespace: &str, name: &str) -> Identity {
        Identity::new(
            format!("system:serviceaccount:{namespace}:{name}"),
            ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")],
        )
    }
}
