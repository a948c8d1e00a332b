//! Repositories as the forge keeps them: owner and name, settings, deploy keys, templates.

use super::super::keys::PublicKey;
use super::super::{Author, Change, Forge, ForgeError, GitUrl, Repo, Seed, lock};
use super::directory::is_login;
use super::model::{Accounts, DEFAULT_USER, DeployKey, Hosted, NewRepository, Template};
use super::{AccountError, Credentials};
use jiff::Timestamp;

impl Forge {
    /// What is kept of the repository of that name in the run.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`].
    pub fn hosted(&self, repo: &str) -> Result<Hosted, AccountError> {
        let found = lock(&self.state).accounts.hosted.get(repo).cloned();
        found.ok_or_else(|| AccountError::NoRepository { full_name: repo.to_owned() })
    }

    /// The repository `owner/name`, in whatever case.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`].
    pub fn find(&self, owner: &str, name: &str) -> Result<(Repo, Hosted), AccountError> {
        let state = lock(&self.state);
        let missing = || AccountError::NoRepository { full_name: format!("{owner}/{name}") };
        let known = state.accounts.named(owner, name).ok_or_else(missing)?;
        let found = Option::zip(state.repos.get(known).cloned(), state.accounts.hosted.get(known).cloned());
        found.ok_or_else(missing)
    }

    /// Changes what is kept of a repository.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`].
    pub fn configure(&self, repo: &str, change: impl FnOnce(&mut Hosted)) -> Result<Hosted, AccountError> {
        let mut state = lock(&self.state);
        let missing = || AccountError::NoRepository { full_name: repo.to_owned() };
        let hosted = state.accounts.hosted.get_mut(repo).ok_or_else(missing)?;
        change(hosted);
        let hosted = hosted.clone();
        drop(state);
        self.signal.bump();
        Ok(hosted)
    }

    /// Has every repository, also of those to come, look at rights: see the [module](super).
    pub fn check_all(&self) {
        let mut state = lock(&self.state);
        state.checks = true;
        state.accounts.hosted.values_mut().for_each(|hosted| hosted.checked = true);
        drop(state);
        self.signal.bump();
    }

    /// Adds a deploy key to a repository.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`]; [`AccountError::KeyInUse`] where any repository or user has it.
    pub fn add_deploy_key(
        &self,
        repo: &str,
        title: &str,
        key: &PublicKey,
        read_only: bool,
        added_by: &str,
    ) -> Result<DeployKey, AccountError> {
        let created_at = self.clock.now();
        let mut state = lock(&self.state);
        let accounts = &mut state.accounts;
        if accounts.is_known(&Credentials::Key(key.clone())) {
            return Err(AccountError::KeyInUse);
        }
        let id = accounts.next_id();
        let missing = || AccountError::NoRepository { full_name: repo.to_owned() };
        let hosted = accounts.hosted.get_mut(repo).ok_or_else(missing)?;
        let (title, key, added_by) = (title.to_owned(), key.clone(), added_by.to_owned());
        let added = DeployKey { id, title, key, read_only, created_at, added_by };
        hosted.keys.push(added.clone());
        drop(state);
        self.signal.bump();
        Ok(added)
    }

    /// Removes a deploy key from a repository.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`], [`AccountError::NoKey`].
    pub fn remove_deploy_key(&self, repo: &str, id: u64) -> Result<(), AccountError> {
        let mut removed = false;
        self.configure(repo, |hosted| {
            let before = hosted.keys.len();
            hosted.keys.retain(|key| key.id != id);
            removed = hosted.keys.len() < before;
        })?;
        if removed { Ok(()) } else { Err(AccountError::NoKey { key: id.to_string() }) }
    }

    /// Makes a repository for a user or an organization; the commits that it begins with are by `author`.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn create_hosted(
        &self,
        new: &NewRepository,
        author: &Author,
    ) -> Result<(Repo, Hosted), AccountError> {
        let template = new.template.as_ref().map(|template| self.template(template)).transpose()?;
        let mut state = lock(&self.state);
        let owner = state.accounts.owner(&new.owner);
        let owner = owner.ok_or_else(|| AccountError::NoAccount { login: new.owner.clone() })?;
        let full_name = format!("{owner}/{}", new.name);
        if state.accounts.named(&owner, &new.name).is_some() {
            return Err(AccountError::RepositoryExists { full_name });
        }
        // The plain name is the one that steps know; another owner's repository may have it.
        let plain = !state.repos.contains_key(&new.name);
        let name = if plain { new.name.clone() } else { format!("{owner}.{}", new.name) };
        state.accounts.reserve(&name, &owner, new);
        drop(state);
        let branch =
            new.default_branch.clone().or_else(|| template.as_ref().map(|(_, branch)| branch.clone()));
        let branch = branch.unwrap_or_else(|| "main".to_owned());
        let seed = match (&template, &new.template) {
            (Some((repo, _)), Some(Template { all_branches, .. })) => Seed::Template {
                path: repo.path().to_owned(),
                branch: branch.clone(),
                all_branches: *all_branches,
            },
            _ => Seed::Empty,
        };
        let made = self.create(&name, &seed, &branch, &[]);
        let repo = match made {
            Ok(repo) => repo,
            Err(error) => {
                lock(&self.state).accounts.reserved.remove(&name);
                return Err(error.into());
            }
        };
        if new.auto_init && template.is_none() {
            let text = match &new.description {
                Some(description) => format!("# {}\n{description}\n", new.name),
                None => format!("# {}\n", new.name),
            };
            repo.commit(&branch, &Change::new("Initial commit").by(author.clone()).write("README.md", text))?;
        }
        Ok((repo, self.hosted(&name)?))
    }

    fn template(&self, template: &Template) -> Result<(Repo, String), AccountError> {
        let full_name = template.full_name.clone();
        let (owner, name) = full_name.split_once('/').unwrap_or(("", &full_name));
        let (repo, hosted) = self.find(owner, name)?;
        if !hosted.template {
            return Err(AccountError::NotATemplate { full_name });
        }
        let branch = repo.head_branch()?;
        match repo.head(&branch) {
            Ok(_) => Ok((repo, branch)),
            Err(ForgeError::NoBranch { .. }) => Err(AccountError::EmptyTemplate { full_name }),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a repository with everything in it.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`]; where its files cannot be removed.
    pub fn remove_hosted(&self, repo: &str) -> Result<(), AccountError> {
        let mut state = lock(&self.state);
        let missing = || AccountError::NoRepository { full_name: repo.to_owned() };
        let hosted = state.accounts.hosted.remove(repo).ok_or_else(missing)?;
        let found = state.repos.remove(repo).ok_or_else(missing)?;
        state.urls.retain(|_, name| name != repo);
        state.by_name.remove(repo);
        for organization in state.accounts.organizations.values_mut() {
            for team in organization.teams.values_mut() {
                team.repositories.remove(&hosted.id);
            }
        }
        drop(state);
        found.refs_moved();
        self.signal.bump();
        let path = found.path().to_owned();
        match std::fs::remove_dir_all(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(ForgeError::Io { action: "remove", path, source }.into())
            }
            _ => Ok(()),
        }
    }
}

impl Accounts {
    /// Notes what a repository of this name in the run is to be once it is made.
    fn reserve(&mut self, name: &str, owner: &str, new: &NewRepository) {
        self.reserved.insert(name.to_owned(), (owner.to_owned(), new.clone()));
    }

    /// Keeps what there is to know of a repository that has been made: what was reserved for it, else what its first URL of
    /// the form `host/owner/name` says.
    pub(in crate::forge) fn host(&mut self, name: &str, urls: &[GitUrl], checked: bool, now: Timestamp) {
        let id = self.next_id();
        let (owner, new) = self.reserved.remove(name).unwrap_or_else(|| {
            let of_url = urls.iter().find_map(|url| {
                let (owner, short) = url.owner_and_name()?;
                (is_login(owner) && self.named(owner, short).is_none()).then_some((owner, short))
            });
            let (owner, short) = of_url.unwrap_or((DEFAULT_USER, name));
            (owner.to_owned(), NewRepository { name: short.to_owned(), ..NewRepository::default() })
        });
        let owner = self.owner(&owner).unwrap_or_else(|| {
            // Neither exists yet, and the name was looked at.
            self.add_organization(&owner).map_or(owner, |organization| organization.login)
        });
        let hosted = Hosted {
            id,
            owner,
            name: new.name,
            private: new.private,
            checked: checked || new.private,
            template: new.is_template,
            description: new.description,
            homepage: new.homepage,
            created_at: now,
            keys: Vec::new(),
            hooks: Vec::new(),
        };
        self.hosted.insert(name.to_owned(), hosted);
    }
}
