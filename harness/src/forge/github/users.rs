//! Users, and what belongs to them.

use super::answer::{Failed, Reply};
use super::{Api, Asked, Who, view};
use crate::forge::{Credentials, Wants};

impl Api {
    pub(super) fn user(&self, asked: &Asked<'_>) -> Result<Reply, Failed> {
        let user = self.forge.user(asked.login()?)?;
        let mut shown = view::user(&self.forge, &user);
        shown["name"] = user.login.into();
        Ok(Reply::ok(shown))
    }

    pub(super) fn account(&self, login: &str) -> Result<Reply, Failed> {
        if let Ok(organization) = self.forge.organization(login) {
            return Ok(Reply::ok(view::organization(&self.forge, &organization)));
        }
        Ok(Reply::ok(view::user(&self.forge, &self.forge.user(login)?)))
    }

    pub(super) fn user_orgs(&self, asked: &Asked<'_>) -> Result<Reply, Failed> {
        let all = self.forge.organizations_of(asked.login()?);
        Ok(Reply::page(asked, &all, |one| view::organization(&self.forge, one)))
    }

    /// What belongs to the user, or to their organizations.
    pub(super) fn user_repos(&self, asked: &Asked<'_>) -> Result<Reply, Failed> {
        asked.login()?;
        self.list(asked, |api, repo, _| {
            let actor = match &asked.who {
                Who::User { token, .. } => crate::forge::Actor::User(token.login.clone()),
                Who::Anyone => crate::forge::Actor::Anyone,
            };
            api.forge.permission(&actor, repo).is_some()
        })
    }

    pub(super) fn repos_of(&self, asked: &Asked<'_>, owner: &str) -> Result<Reply, Failed> {
        if self.forge.user(owner).is_err() {
            self.forge.organization(owner)?;
        }
        self.list(asked, |_, _, found| found.eq_ignore_ascii_case(owner))
    }

    /// The repositories that whoever asks may see, and that are meant: by their names in the run, and their owners.
    fn list(&self, asked: &Asked<'_>, meant: impl Fn(&Api, &str, &str) -> bool) -> Result<Reply, Failed> {
        let credentials = match &asked.who {
            Who::Anyone => Credentials::Nothing,
            Who::User { secret, .. } => Credentials::Token(secret.clone()),
        };
        let mut all = Vec::new();
        for repo in self.forge.repos() {
            let hosted = self.forge.hosted(repo.name())?;
            if meant(self, repo.name(), &hosted.owner)
                && self.forge.authorize(&repo, &credentials, Wants::Read).is_ok()
            {
                all.push((repo, hosted));
            }
        }
        all.sort_by_key(|(_, hosted)| hosted.full_name());
        Ok(Reply::page(asked, &all, |(repo, hosted)| self.show(repo, hosted, &asked.who)))
    }
}
