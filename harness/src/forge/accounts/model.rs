//! Users, organizations, and what the forge keeps of a repository beside its Git objects.

use super::super::hooks::Webhook;
use super::super::keys::PublicKey;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The user of a run, who owns what nobody else owns and administers every organization.
pub const DEFAULT_USER: &str = "seatrial";

/// A right on a repository; each contains those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Read.
    Pull,
    /// Read, and manage issues.
    Triage,
    /// Write.
    Push,
    /// Write, and some settings.
    Maintain,
    /// Everything.
    Admin,
}

impl Permission {
    /// All of them, the least first.
    pub const ALL: [Permission; 5] =
        [Permission::Pull, Permission::Triage, Permission::Push, Permission::Maintain, Permission::Admin];

    /// The word of GitHub's API.
    pub fn word(self) -> &'static str {
        match self {
            Permission::Pull => "pull",
            Permission::Triage => "triage",
            Permission::Push => "push",
            Permission::Maintain => "maintain",
            Permission::Admin => "admin",
        }
    }

    /// The right that a word of the API means.
    pub fn parse(word: &str) -> Option<Permission> {
        Permission::ALL.into_iter().find(|permission| permission.word() == word)
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub login: String,
    /// Number.
    pub id: u64,
    /// SSH keys that open what the user may use, with their titles.
    pub keys: Vec<(String, PublicKey)>,
}

/// A personal access token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub login: String,
    /// What it is good for, as `repo`, `delete_repo`, `admin:org`.
    pub scopes: BTreeSet<String>,
}

impl Token {
    /// The scopes of a token of which nothing else is said.
    pub const ALL_SCOPES: [&'static str; 4] = ["admin:org", "admin:repo_hook", "delete_repo", "repo"];
}

/// An organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// Name.
    pub login: String,
    /// Number.
    pub id: u64,
    /// Its members, and whether each owns it.
    pub members: BTreeMap<String, bool>,
    /// Its teams, by slug.
    pub teams: BTreeMap<String, Team>,
}

/// A team of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    /// Number.
    pub id: u64,
    /// Name; the slug is made of it.
    pub name: String,
    /// Its members.
    pub members: BTreeSet<String>,
    /// Its rights, by the number of the repository.
    pub repositories: BTreeMap<u64, Permission>,
}

/// A key that opens one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployKey {
    /// Number.
    pub id: u64,
    /// Name.
    pub title: String,
    /// The key.
    pub key: PublicKey,
    /// Whether it must not push.
    pub read_only: bool,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// Who has added it.
    pub added_by: String,
}

/// What the forge keeps of a repository beside its Git objects.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// Number.
    pub id: u64,
    /// The user or organization that it belongs to.
    pub owner: String,
    /// Its name below the owner.
    pub name: String,
    /// Whether only those may read it who have a right to.
    pub private: bool,
    /// Whether rights are looked at. What is made private by the API or a scenario is checked; the repositories that
    /// `seatrial up` serves are private and open.
    pub checked: bool,
    /// Whether others can be made from it.
    pub template: bool,
    /// What it is for.
    pub description: Option<String>,
    /// The web page about it.
    pub homepage: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its deploy keys, in the order of their numbers.
    pub keys: Vec<DeployKey>,
    /// Its webhooks.
    pub hooks: Vec<Webhook>,
}

impl Hosted {
    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// A repository to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRepository {
    /// The user or organization that it is to belong to.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Whether only those may read it who have a right to.
    pub private: bool,
    /// What it is for.
    pub description: Option<String>,
    /// The web page about it.
    pub homepage: Option<String>,
    /// Whether others can be made from it.
    pub is_template: bool,
    /// Whether it begins with a commit of a README.
    pub auto_init: bool,
    /// What it begins with.
    pub template: Option<Template>,
    /// The branch of its first commit. Default: `main`, or that of the template.
    pub default_branch: Option<String>,
}

/// The repository that another begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// `owner/name`.
    pub full_name: String,
    /// Whether all branches are taken, and not the default branch alone.
    pub all_branches: bool,
}

/// Where people reach the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The URL below which repositories are cloned and shown: `https://github.com`.
    pub web: String,
    /// What stands in front of `owner/name.git` in SSH URLs: `git@github.com:`, `ssh://git@127.0.0.1:2222/`.
    pub ssh: String,
    /// The URL of the API: `https://api.github.com`, `https://host/api/v3`.
    pub api: String,
}

impl Default for Site {
    /// GitHub's.
    fn default() -> Site {
        Site {
            web: "https://github.com".to_owned(),
            ssh: "git@github.com:".to_owned(),
            api: "https://api.github.com".to_owned(),
        }
    }
}

/// Everything but the repositories' objects.
#[derive(Debug)]
pub(in crate::forge) struct Accounts {
    pub(super) users: BTreeMap<String, User>,
    pub(super) organizations: BTreeMap<String, Organization>,
    /// Tokens by their digests.
    pub(super) tokens: BTreeMap<[u8; 32], Token>,
    /// What is kept of each repository, by its name in the run.
    pub(in crate::forge) hosted: BTreeMap<String, Hosted>,
    pub(super) site: Site,
    /// Hosts at which every repository is found as `owner/name`.
    pub(in crate::forge) hosts: BTreeSet<String>,
    /// What repositories that are being made are to be: owner, and what was asked for.
    pub(super) reserved: BTreeMap<String, (String, NewRepository)>,
    last_id: u64,
}

impl Default for Accounts {
    /// The run's own user, and GitHub's addresses.
    fn default() -> Accounts {
        let user = User { login: DEFAULT_USER.to_owned(), id: 1, keys: Vec::new() };
        Accounts {
            users: [(DEFAULT_USER.to_owned(), user)].into(),
            organizations: BTreeMap::new(),
            tokens: BTreeMap::new(),
            hosted: BTreeMap::new(),
            site: Site::default(),
            hosts: ["github.com".to_owned()].into(),
            reserved: BTreeMap::new(),
            last_id: 1,
        }
    }
}

impl Accounts {
    /// A number that nothing else has.
    pub(in crate::forge) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The user, in whatever case the name is written.
    pub(super) fn user(&self, login: &str) -> Option<&User> {
        self.users.get(&login.to_ascii_lowercase())
    }

    /// The organization, in whatever case the name is written.
    pub(super) fn organization(&self, login: &str) -> Option<&Organization> {
        self.organizations.get(&login.to_ascii_lowercase())
    }

    /// The name in the run of the repository `owner/name`.
    pub(in crate::forge) fn named(&self, owner: &str, name: &str) -> Option<&str> {
        let name = name.strip_suffix(".git").unwrap_or(name);
        let is = |hosted: &Hosted| {
            hosted.owner.eq_ignore_ascii_case(owner) && hosted.name.eq_ignore_ascii_case(name)
        };
        self.hosted.iter().find(|(_, hosted)| is(hosted)).map(|(name, _)| name.as_str())
    }

    /// What a user may do with a repository by their own rights; `None`: nothing but what everybody may.
    pub(super) fn permission(&self, login: &str, hosted: &Hosted) -> Option<Permission> {
        if hosted.owner.eq_ignore_ascii_case(login) {
            return Some(Permission::Admin);
        }
        let organization = self.organization(&hosted.owner)?;
        let login = self.user(login).map_or(login, |user| &user.login);
        if organization.members.get(login) == Some(&true) {
            return Some(Permission::Admin);
        }
        let teams = organization.teams.values().filter(|team| team.members.contains(login));
        let granted = teams.filter_map(|team| team.repositories.get(&hosted.id).copied()).max();
        // Members may read what belongs to their organization.
        granted.max(organization.members.contains_key(login).then_some(Permission::Pull))
    }
}
