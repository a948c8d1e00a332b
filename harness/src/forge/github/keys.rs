//! Deploy keys.

use super::answer::{Failed, Reply, body};
use super::{Api, Asked, view};
use crate::forge::keys::{KeyError, PublicKey};
use crate::forge::{AccountError, DeployKey, Hosted, Repo};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct AddKey {
    title: Option<String>,
    key: Option<String>,
    read_only: bool,
}

impl Api {
    pub(super) fn keys(&self, asked: &Asked<'_>, hosted: &Hosted) -> Result<Reply, Failed> {
        Ok(Reply::page(asked, &hosted.keys, |key| view::key(&self.forge, hosted, key)))
    }

    pub(super) fn key(&self, _: &Asked<'_>, hosted: &Hosted, id: &str) -> Result<Reply, Failed> {
        let is = |key: &&DeployKey| key.id.to_string() == id;
        let key = hosted.keys.iter().find(is).ok_or_else(|| Failed::new(404, "Not Found"))?;
        Ok(Reply::ok(view::key(&self.forge, hosted, key)))
    }

    pub(super) fn add_key(&self, asked: &Asked<'_>, repo: &Repo, hosted: &Hosted) -> Result<Reply, Failed> {
        let wanted: AddKey = body(asked)?;
        let text = wanted.key.ok_or_else(|| Failed::missing("PublicKey", "key"))?;
        let key = PublicKey::parse(&text).map_err(|error: KeyError| AccountError::from(error))?;
        // GitHub makes a title of the key's end where there is none.
        let title = wanted.title.filter(|title| !title.is_empty()).unwrap_or_else(|| key.fingerprint());
        let added = self.forge.add_deploy_key(repo.name(), &title, &key, wanted.read_only, asked.login()?)?;
        Ok(Reply::created(view::key(&self.forge, hosted, &added)))
    }

    pub(super) fn delete_key(&self, _: &Asked<'_>, repo: &Repo, id: &str) -> Result<Reply, Failed> {
        let id = id.parse().map_err(|_| Failed::new(404, "Not Found"))?;
        self.forge.remove_deploy_key(repo.name(), id)?;
        Ok(Reply::nothing())
    }
}
