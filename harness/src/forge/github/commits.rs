//! Branches and commits.

use super::answer::{Failed, Reply};
use super::{Api, Asked, view};
use crate::forge::{ForgeError, Hosted, Repo};
use serde_json::{Value, json};

impl Api {
    pub(super) fn branches(&self, asked: &Asked<'_>, repo: &Repo, hosted: &Hosted) -> Result<Reply, Failed> {
        let mut all = Vec::new();
        for name in repo.branches()? {
            all.push((repo.info(&name)?, name));
        }
        Ok(Reply::page(asked, &all, |(tip, name)| {
            let sha = tip.id.to_string();
            let url = format!("{}/repos/{}/commits/{sha}", self.forge.site().api, hosted.full_name());
            json!({"name": name, "commit": {"sha": sha, "url": url}, "protected": false})
        }))
    }

    pub(super) fn branch(&self, repo: &Repo, hosted: &Hosted, name: &str) -> Result<Reply, Failed> {
        let tip = repo.head(name).map_err(|error| match error {
            ForgeError::NoBranch { .. } => Failed::new(404, "Branch not found"),
            other => other.into(),
        })?;
        let info = repo.info(&tip.to_string())?;
        Ok(Reply::ok(json!({
            "name": name,
            "commit": view::commit(&self.forge, hosted, &info),
            "protected": false,
        })))
    }

    /// The log of `sha` (a branch or commit, by default the default branch), in pages; only what changed `path` where that is given.
    pub(super) fn commits(&self, asked: &Asked<'_>, repo: &Repo, hosted: &Hosted) -> Result<Reply, Failed> {
        let known = ["sha", "path", "page", "per_page"];
        if let Some((name, _)) = asked.query.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            return Err(Failed::new(
                422,
                format!("this forge does not serve the parameter {name:?} of commits"),
            ));
        }
        let given = |name: &str| {
            let value = asked.query.iter().find(|(key, value)| key == name && !value.is_empty());
            value.map(|(_, value)| value.clone())
        };
        if repo.branches()?.is_empty() {
            return Err(Failed::new(409, "Git Repository is empty."));
        }
        let from = match given("sha") {
            Some(sha) => sha,
            None => repo.head_branch()?,
        };
        let needed = Reply::needed(asked);
        let path =
            given("path").map(|path| path.trim_matches('/').to_owned()).filter(|path| !path.is_empty());
        let found = match &path {
            Some(path) => repo.log_of(&from, path, needed),
            None => repo.log(&from, needed),
        };
        let found = found.map_err(|error| match error {
            ForgeError::NoRevision { .. } => Failed::new(404, "Not Found"),
            other => other.into(),
        })?;
        let whole = found.len() < needed;
        Ok(Reply::page_of(asked, &found, whole, |info| view::commit(&self.forge, hosted, info)))
    }

    pub(super) fn commit(&self, repo: &Repo, hosted: &Hosted, revision: &str) -> Result<Reply, Failed> {
        let missing = |_| Failed::new(422, format!("No commit found for SHA: {revision}"));
        let info = repo.info(revision).map_err(missing)?;
        let mut shown = view::commit(&self.forge, hosted, &info);
        let changes = repo.changes_of(info.id)?;
        let file = |status: &'static str| move |name: String| json!({"filename": name, "status": status});
        let added = changes.added.into_iter().map(file("added"));
        let removed = changes.removed.into_iter().map(file("removed"));
        let modified = changes.modified.into_iter().map(file("modified"));
        shown["files"] = added.chain(removed).chain(modified).collect::<Value>();
        Ok(Reply::ok(shown))
    }
}
