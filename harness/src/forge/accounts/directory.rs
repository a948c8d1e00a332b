//! Users, organizations, teams, tokens.

use super::super::keys::PublicKey;
use super::super::{Forge, lock};
use super::access::digest;
use super::model::{Accounts, DEFAULT_USER, Organization, Permission, Site, Team, Token, User};
use super::{AccountError, Actor};
use seatrial_engine::Secret;
use std::collections::BTreeSet;

/// Digits and letters of tokens.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Forge {
    /// Says where people reach the forge; every repository is found there, too, as `owner/name`.
    pub fn set_site(&self, site: Site) {
        let mut state = lock(&self.state);
        let hosts = [&site.web, &site.ssh, &site.api].into_iter().filter_map(|url| host(url));
        state.accounts.hosts.extend(hosts);
        state.accounts.site = site;
        drop(state);
        self.signal.bump();
    }

    /// Serves every repository as `owner/name` at one more host (`name` or `name:port`).
    pub fn serve_at(&self, host: &str) {
        lock(&self.state).accounts.hosts.insert(host.to_ascii_lowercase());
        self.signal.bump();
    }

    /// Where people reach the forge. Default: GitHub's addresses.
    pub fn site(&self) -> Site {
        lock(&self.state).accounts.site.clone()
    }

    /// Adds a user.
    ///
    /// # Errors
    /// [`AccountError::AccountExists`], [`AccountError::BadAccountName`].
    pub fn add_user(&self, login: &str) -> Result<User, AccountError> {
        lock(&self.state).accounts.add_user(login)
    }

    /// The user of that name.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`].
    pub fn user(&self, login: &str) -> Result<User, AccountError> {
        let state = lock(&self.state);
        state.accounts.user(login).cloned().ok_or_else(|| no_account(login))
    }

    /// Gives a user an SSH key, which opens everything that they may use.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::KeyInUse`].
    pub fn add_user_key(&self, login: &str, title: &str, key: PublicKey) -> Result<(), AccountError> {
        let mut state = lock(&self.state);
        if state.accounts.is_known(&super::Credentials::Key(key.clone())) {
            return Err(AccountError::KeyInUse);
        }
        let user = state.accounts.users.get_mut(&login.to_ascii_lowercase());
        user.ok_or_else(|| no_account(login))?.keys.push((title.to_owned(), key));
        drop(state);
        self.signal.bump();
        Ok(())
    }

    /// Makes a token for a user; the secret is nowhere else. In virtual time it comes from the run's seeded stream, else, where the
    /// network may reach the forge, from the system's randomness.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::NoRandomness`].
    pub fn issue_token(&self, login: &str, scopes: &[&str]) -> Result<Secret, AccountError> {
        let mut random = [0; 36 * 8];
        match self.clock.is_virtual() {
            true => self.clock.rng("forge/token").fill(&mut random),
            false => aws_lc_rs::rand::fill(&mut random).map_err(|_| AccountError::NoRandomness)?,
        }
        // Of eight bytes each: what some letters come more often than others does not matter.
        let (numbers, _) = random.as_chunks::<8>();
        let letter = |number: &[u8; 8]| {
            let number = u64::from_le_bytes(*number) % ALPHABET.len() as u64;
            char::from(ALPHABET[number as usize])
        };
        let secret = Secret(format!("ghp_{}", numbers.iter().map(letter).collect::<String>()));
        self.add_token(login, &secret, scopes)?;
        Ok(secret)
    }

    /// Gives a user a token with this secret.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::EmptyToken`].
    pub fn add_token(&self, login: &str, secret: &Secret, scopes: &[&str]) -> Result<(), AccountError> {
        if secret.0.trim().is_empty() {
            return Err(AccountError::EmptyToken);
        }
        let mut state = lock(&self.state);
        let login = state.accounts.user(login).ok_or_else(|| no_account(login))?.login.clone();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        state.accounts.tokens.insert(digest(secret), Token { login, scopes });
        drop(state);
        self.signal.bump();
        Ok(())
    }

    /// Takes a token back; whether there was one.
    pub fn revoke_token(&self, secret: &Secret) -> bool {
        let found = lock(&self.state).accounts.tokens.remove(&digest(secret)).is_some();
        self.signal.bump();
        found
    }

    /// Adds an organization, which the run's own user owns.
    ///
    /// # Errors
    /// [`AccountError::AccountExists`], [`AccountError::BadAccountName`].
    pub fn add_organization(&self, login: &str) -> Result<Organization, AccountError> {
        lock(&self.state).accounts.add_organization(login)
    }

    /// The organization of that name.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`].
    pub fn organization(&self, login: &str) -> Result<Organization, AccountError> {
        let state = lock(&self.state);
        state.accounts.organization(login).cloned().ok_or_else(|| no_account(login))
    }

    /// The organizations of a user, by name.
    pub fn organizations_of(&self, login: &str) -> Vec<Organization> {
        let state = lock(&self.state);
        let all = state.accounts.organizations.values();
        all.filter(|one| one.members.contains_key(login)).cloned().collect()
    }

    /// Makes a user a member of an organization, or an owner.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`].
    pub fn add_member(&self, organization: &str, login: &str, owner: bool) -> Result<(), AccountError> {
        let mut state = lock(&self.state);
        let login = state.accounts.user(login).ok_or_else(|| no_account(login))?.login.clone();
        let found = state.accounts.organizations.get_mut(&organization.to_ascii_lowercase());
        found.ok_or_else(|| no_account(organization))?.members.insert(login, owner);
        Ok(())
    }

    /// Adds a team with these members, who become members of the organization; the result is its slug.
    ///
    /// # Errors
    /// [`AccountError::NoAccount`].
    pub fn add_team(
        &self,
        organization: &str,
        name: &str,
        members: &[String],
    ) -> Result<String, AccountError> {
        let mut state = lock(&self.state);
        let accounts = &mut state.accounts;
        let known = |login: &String| {
            accounts.user(login).map(|user| user.login.clone()).ok_or_else(|| no_account(login))
        };
        let members = members.iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
        let id = accounts.next_id();
        let found = accounts.organizations.get_mut(&organization.to_ascii_lowercase());
        let found = found.ok_or_else(|| no_account(organization))?;
        for login in &members {
            found.members.entry(login.clone()).or_insert(false);
        }
        let slug = slug(name);
        let repositories = Default::default();
        found.teams.insert(slug.clone(), Team { id, name: name.to_owned(), members, repositories });
        Ok(slug)
    }

    /// Gives a team a right on a repository of its organization, or takes it (`None`).
    ///
    /// # Errors
    /// [`AccountError::NoAccount`], [`AccountError::NoTeam`].
    pub fn grant(
        &self,
        organization: &str,
        team: &str,
        repository: u64,
        permission: Option<Permission>,
    ) -> Result<(), AccountError> {
        let mut state = lock(&self.state);
        let found = state.accounts.organizations.get_mut(&organization.to_ascii_lowercase());
        let found = found.ok_or_else(|| no_account(organization))?;
        let missing =
            || AccountError::NoTeam { organization: organization.to_owned(), team: team.to_owned() };
        let repositories = &mut found.teams.get_mut(team).ok_or_else(missing)?.repositories;
        match permission {
            Some(permission) => repositories.insert(repository, permission),
            None => repositories.remove(&repository),
        };
        Ok(())
    }

    /// What somebody may do with the repository of that name, beyond what everybody may.
    pub fn permission(&self, actor: &Actor, repo: &str) -> Option<Permission> {
        let state = lock(&self.state);
        let hosted = state.accounts.hosted.get(repo)?;
        match actor {
            Actor::User(login) => state.accounts.permission(login, hosted),
            Actor::Anyone | Actor::DeployKey(_) => None,
        }
    }
}

impl Accounts {
    pub(super) fn add_user(&mut self, login: &str) -> Result<User, AccountError> {
        self.free(login)?;
        let user = User { login: login.to_owned(), id: self.next_id(), keys: Vec::new() };
        self.users.insert(login.to_ascii_lowercase(), user.clone());
        Ok(user)
    }

    pub(super) fn add_organization(&mut self, login: &str) -> Result<Organization, AccountError> {
        self.free(login)?;
        let members = [(DEFAULT_USER.to_owned(), true)].into();
        let id = self.next_id();
        let organization = Organization { login: login.to_owned(), id, members, ..Organization::default() };
        self.organizations.insert(login.to_ascii_lowercase(), organization.clone());
        Ok(organization)
    }

    /// The spelling of a user's or organization's name.
    pub(super) fn owner(&self, login: &str) -> Option<String> {
        let user = self.user(login).map(|user| user.login.clone());
        user.or_else(|| self.organization(login).map(|organization| organization.login.clone()))
    }

    fn free(&self, login: &str) -> Result<(), AccountError> {
        if !is_login(login) {
            return Err(AccountError::BadAccountName { login: login.to_owned() });
        }
        match self.owner(login) {
            Some(_) => Err(AccountError::AccountExists { login: login.to_owned() }),
            None => Ok(()),
        }
    }
}

pub(super) fn no_account(login: &str) -> AccountError {
    AccountError::NoAccount { login: login.to_owned() }
}

/// Whether GitHub allows the name.
pub(crate) fn is_login(login: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=39).contains(&login.len())
        && login.chars().all(part)
        && !login.starts_with('-')
        && !login.ends_with('-')
        && !login.contains("--")
}

/// The name of a team in paths.
fn slug(name: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(word).collect();
    text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// `host` or `host:port` of a URL, or of `user@host:`.
fn host(url: &str) -> Option<String> {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.split('/').next()?,
        None => url.split(':').next()?,
    };
    let host = rest.rsplit('@').next()?;
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}
