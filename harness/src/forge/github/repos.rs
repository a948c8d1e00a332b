//! Repositories: create, create from a template, show, change, delete.

use super::answer::{Failed, Reply, body};
use super::{Api, Asked};
use crate::forge::{Author, Hosted, NewRepository, Repo, Template};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Create {
    name: Option<String>,
    description: Option<String>,
    homepage: Option<String>,
    private: Option<bool>,
    visibility: Option<String>,
    auto_init: Option<bool>,
    is_template: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Generate {
    owner: Option<String>,
    name: Option<String>,
    description: Option<String>,
    private: bool,
    include_all_branches: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Edit {
    name: Option<String>,
    description: Option<String>,
    homepage: Option<String>,
    private: Option<bool>,
    visibility: Option<String>,
    default_branch: Option<String>,
    is_template: Option<bool>,
    archived: Option<bool>,
}

impl Api {
    pub(super) fn create_for_user(&self, asked: &Asked<'_>) -> Result<Reply, Failed> {
        self.create(asked, asked.login()?.to_owned())
    }

    pub(super) fn create_for_org(&self, asked: &Asked<'_>, org: &str) -> Result<Reply, Failed> {
        self.may_create(asked, org)?;
        self.create(asked, org.to_owned())
    }

    /// Whether whoever asks may create repositories of this owner.
    fn may_create(&self, asked: &Asked<'_>, owner: &str) -> Result<(), Failed> {
        let login = asked.login()?;
        if login.eq_ignore_ascii_case(owner) {
            return Ok(());
        }
        match self.forge.organization(owner)?.members.contains_key(login) {
            true => Ok(()),
            false => {
                let words = "You need admin access to the organization before adding a repository to it.";
                Err(Failed::new(403, words))
            }
        }
    }

    fn create(&self, asked: &Asked<'_>, owner: String) -> Result<Reply, Failed> {
        let wanted: Create = body(asked)?;
        let private = private(wanted.private, wanted.visibility.as_deref())?.unwrap_or_default();
        self.may_write(asked, private)?;
        self.make(
            asked,
            NewRepository {
                owner,
                name: named(wanted.name)?,
                private,
                description: wanted.description,
                homepage: wanted.homepage,
                is_template: wanted.is_template.unwrap_or_default(),
                auto_init: wanted.auto_init.unwrap_or_default(),
                template: None,
                default_branch: None,
            },
        )
    }

    pub(super) fn generate(&self, asked: &Asked<'_>, hosted: &Hosted) -> Result<Reply, Failed> {
        let wanted: Generate = body(asked)?;
        let owner = match wanted.owner {
            Some(owner) => owner,
            None => asked.login()?.to_owned(),
        };
        self.may_create(asked, &owner)?;
        self.may_write(asked, wanted.private)?;
        let template = Template { full_name: hosted.full_name(), all_branches: wanted.include_all_branches };
        self.make(
            asked,
            NewRepository {
                owner,
                name: named(wanted.name)?,
                private: wanted.private,
                description: wanted.description,
                template: Some(template),
                ..NewRepository::default()
            },
        )
    }

    fn make(&self, asked: &Asked<'_>, new: NewRepository) -> Result<Reply, Failed> {
        let login = asked.login()?;
        let author = Author { name: login.to_owned(), email: format!("{login}@localhost") };
        let (repo, hosted) = self.forge.create_hosted(&new, &author)?;
        Ok(Reply::created(self.show(&repo, &hosted, &asked.who)))
    }

    fn may_write(&self, asked: &Asked<'_>, private: bool) -> Result<(), Failed> {
        let scopes: &[&str] = if private { &["repo"] } else { &["repo", "public_repo"] };
        match asked.scope(scopes) {
            true => Ok(()),
            false => Err(Failed::new(403, "Resource not accessible by personal access token")),
        }
    }

    pub(super) fn edit(&self, asked: &Asked<'_>, repo: &Repo, hosted: &Hosted) -> Result<Reply, Failed> {
        let wanted: Edit = body(asked)?;
        if wanted.name.as_ref().is_some_and(|name| *name != hosted.name) {
            return Err(Failed::invalid(
                "Validation Failed",
                "Repository",
                "name",
                "this forge does not rename repositories",
            ));
        }
        if wanted.archived == Some(true) {
            return Err(Failed::invalid(
                "Validation Failed",
                "Repository",
                "archived",
                "this forge does not archive repositories",
            ));
        }
        let private = private(wanted.private, wanted.visibility.as_deref())?;
        if let Some(branch) = &wanted.default_branch
            && *branch != repo.head_branch()?
            && repo.set_head_branch(branch).is_err()
        {
            let words = format!(
                "The branch {branch} was not found. Please push that ref first or create it via the Git Data API."
            );
            return Err(Failed::invalid("Validation Failed", "Repository", "default_branch", &words));
        }
        let changed = self.forge.configure(repo.name(), |hosted| {
            hosted.private = private.unwrap_or(hosted.private);
            hosted.checked |= private == Some(true);
            hosted.template = wanted.is_template.unwrap_or(hosted.template);
            hosted.description = wanted.description.or(hosted.description.take());
            hosted.homepage = wanted.homepage.or(hosted.homepage.take());
        })?;
        Ok(Reply::ok(self.show(repo, &changed, &asked.who)))
    }

    pub(super) fn delete(&self, asked: &Asked<'_>, repo: &Repo) -> Result<Reply, Failed> {
        if !asked.scope(&["delete_repo"]) {
            return Err(Failed::new(403, "Must have admin rights to Repository."));
        }
        self.forge.remove_hosted(repo.name())?;
        Ok(Reply::nothing())
    }
}

fn named(name: Option<String>) -> Result<String, Failed> {
    name.filter(|name| !name.is_empty()).ok_or_else(|| Failed::missing("Repository", "name"))
}

/// Whether a repository is to be private; none where nothing is said.
fn private(private: Option<bool>, visibility: Option<&str>) -> Result<Option<bool>, Failed> {
    match visibility {
        None => Ok(private),
        Some("private") => Ok(Some(true)),
        Some("public") => Ok(Some(false)),
        Some(other) => {
            let words = format!("visibility {other:?} is not supported by this forge: use public or private");
            Err(Failed::invalid("Validation Failed", "Repository", "visibility", &words))
        }
    }
}
