//! Organizations and teams.

use super::answer::{Failed, Reply, body};
use super::{Api, Asked, view};
use crate::forge::{Hosted, Organization, Permission, Team, Wants};
use serde::Deserialize;

#[derive(Deserialize)]
struct Grant {
    permission: Option<String>,
}

impl Api {
    pub(super) fn org(&self, _: &Asked<'_>, org: &str) -> Result<Reply, Failed> {
        Ok(Reply::ok(view::organization(&self.forge, &self.forge.organization(org)?)))
    }

    /// The organization, where whoever asks belongs to it: others see no teams.
    fn own(&self, asked: &Asked<'_>, org: &str) -> Result<Organization, Failed> {
        let login = asked.login()?;
        let organization = self.forge.organization(org)?;
        match organization.members.contains_key(login) {
            true => Ok(organization),
            false => Err(Failed::new(404, "Not Found")),
        }
    }

    fn own_team(&self, asked: &Asked<'_>, org: &str, slug: &str) -> Result<(Organization, Team), Failed> {
        let organization = self.own(asked, org)?;
        let team = organization.teams.get(slug).cloned().ok_or_else(|| Failed::new(404, "Not Found"))?;
        Ok((organization, team))
    }

    pub(super) fn teams(&self, asked: &Asked<'_>, org: &str) -> Result<Reply, Failed> {
        let organization = self.own(asked, org)?;
        let all: Vec<_> = organization.teams.iter().collect();
        Ok(Reply::page(asked, &all, |(slug, team)| view::team(&self.forge, &organization, slug, team)))
    }

    pub(super) fn team(&self, asked: &Asked<'_>, org: &str, slug: &str) -> Result<Reply, Failed> {
        let (organization, team) = self.own_team(asked, org, slug)?;
        let mut shown = view::team(&self.forge, &organization, slug, &team);
        shown["organization"] = view::organization(&self.forge, &organization);
        shown["members_count"] = team.members.len().into();
        shown["repos_count"] = team.repositories.len().into();
        Ok(Reply::ok(shown))
    }

    pub(super) fn team_members(&self, asked: &Asked<'_>, org: &str, slug: &str) -> Result<Reply, Failed> {
        let (_, team) = self.own_team(asked, org, slug)?;
        let members: Vec<_> = team.members.iter().filter_map(|login| self.forge.user(login).ok()).collect();
        Ok(Reply::page(asked, &members, |user| view::user(&self.forge, user)))
    }

    /// Whether a team has rights on a repository: 204, or the repository with these rights where that is asked for.
    pub(super) fn team_repo(
        &self,
        asked: &Asked<'_>,
        team: (&str, &str),
        owner: &str,
        name: &str,
    ) -> Result<Reply, Failed> {
        let (_, found) = self.own_team(asked, team.0, team.1)?;
        let (repo, hosted) = self.find(asked, owner, name, Wants::Read)?;
        let Some(permission) = found.repositories.get(&hosted.id) else {
            return Err(Failed::new(404, "Not Found"));
        };
        let mut shown = self.show(&repo, &hosted, &asked.who);
        shown["permissions"] = view::permissions(Some(*permission));
        shown["role_name"] = role(*permission).into();
        Ok(if asked.wants_repository { Reply::ok(shown) } else { Reply::nothing() })
    }

    pub(super) fn put_team_repo(
        &self,
        asked: &Asked<'_>,
        team: (&str, &str),
        owner: &str,
        name: &str,
    ) -> Result<Reply, Failed> {
        let (organization, _) = self.own_team(asked, team.0, team.1)?;
        let (_, hosted) = self.find(asked, owner, name, Wants::Administer)?;
        let wanted: Grant = body(asked)?;
        let word = wanted.permission.unwrap_or_else(|| "push".to_owned());
        let Some(permission) = Permission::parse(&word) else {
            return Err(Failed::invalid(
                "Validation Failed",
                "TeamMember",
                "permission",
                "is not a permission",
            ));
        };
        if !hosted.owner.eq_ignore_ascii_case(&organization.login) {
            let words = "the repository must belong to the organization";
            return Err(Failed::invalid("Validation Failed", "TeamMember", "repository", words));
        }
        self.forge.grant(team.0, team.1, hosted.id, Some(permission))?;
        Ok(Reply::nothing())
    }

    pub(super) fn delete_team_repo(
        &self,
        asked: &Asked<'_>,
        team: (&str, &str),
        owner: &str,
        name: &str,
    ) -> Result<Reply, Failed> {
        self.own_team(asked, team.0, team.1)?;
        let (_, hosted) = self.find(asked, owner, name, Wants::Administer)?;
        self.forge.grant(team.0, team.1, hosted.id, None)?;
        Ok(Reply::nothing())
    }

    pub(super) fn repo_teams(&self, asked: &Asked<'_>, hosted: &Hosted) -> Result<Reply, Failed> {
        let Ok(organization) = self.own(asked, &hosted.owner) else {
            return Ok(Reply::page(asked, &[(); 0], |()| ().into()));
        };
        let all: Vec<_> = organization.teams.iter().collect();
        let granted: Vec<_> = all
            .into_iter()
            .filter_map(|(slug, team)| Some((slug, team, *team.repositories.get(&hosted.id)?)))
            .collect();
        Ok(Reply::page(asked, &granted, |(slug, team, permission)| {
            let mut shown = view::team(&self.forge, &organization, slug, team);
            shown["permission"] = permission.word().into();
            shown["permissions"] = view::permissions(Some(*permission));
            shown
        }))
    }
}

fn role(permission: Permission) -> &'static str {
    match permission {
        Permission::Pull => "read",
        Permission::Push => "write",
        other => other.word(),
    }
}
