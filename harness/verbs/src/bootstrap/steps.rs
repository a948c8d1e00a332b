//! The sequence of a bootstrap.
//!
//! # Flow
//! ```text
//! check out ─► commit and push components ─► install ─► secret ─► commit and push sync ─► apply sync ─► wait ─► confirm
//! ```
//!
//! # Guarantees
//! Each step looks at what is there and does what is missing: a sequence that broke off anywhere is taken up by running it again,
//! and one that has ended commits nothing the next time.

use super::hosts::{Checkout, Commit, PushError};
use super::keys::KeyPair;
use super::manifests::{Components, InstallOptions, components};
use super::source_secret::SourceSecret;
use super::sync::{Sync, clean};
use crate::kinds::find;
use crate::{ApiError, Screen, Session, VerbError};
use seatrial_engine::CommitKey;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How often the cluster is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(200);
/// How long a server may take to serve what was defined, in milliseconds.
const SERVED: u128 = 30_000;

/// What a bootstrap does, and to which cluster.
pub struct Bootstrap<'a> {
    /// The cluster.
    pub session: &'a Session,
    /// Where lines are printed.
    pub screen: &'a mut Screen,
    /// What is installed.
    pub install: &'a InstallOptions,
    /// Other manifests than those that follow from it.
    pub manifests: Option<Arc<Components>>,
    /// What the cluster follows.
    pub sync: &'a Sync,
    /// How the repository is called in lines: its URL.
    pub repository: &'a str,
    /// Name and mail address of the author of commits.
    pub author: (String, String),
    /// What is added to the messages of commits.
    pub appendix: Option<String>,
    /// What commits are signed with.
    pub signer: Option<Arc<CommitKey>>,
    /// Told of every object before it is applied.
    pub applied: Option<&'a dyn Noting>,
}

/// Is told of what is made on a cluster.
pub trait Noting {
    /// Before `object` is applied.
    fn note(&self, object: &Value);
}

/// What opens the repository for the cluster.
#[derive(Clone)]
pub enum Credentials {
    /// A pair of keys, and the server's own keys as lines of `known_hosts`.
    Key {
        /// The pair.
        pair: KeyPair,
        /// The passphrase of the private key; empty where it has none.
        passphrase: String,
        /// The server's keys.
        known_hosts: String,
    },
    /// A name and a password, and the certificate authority of the server where no public one has signed its certificate.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
        /// The certificates, as PEM.
        ca: Option<String>,
    },
    /// A token.
    Bearer {
        /// The token.
        token: String,
        /// The certificates, as PEM.
        ca: Option<String>,
    },
}

impl Credentials {
    fn data(&self) -> Value {
        let (mut data, ca) = match self {
            Credentials::Key { pair, passphrase, known_hosts } => {
                let mut data = json!({
                    "identity": pair.private_pem,
                    "identity.pub": format!("{}\n", pair.public),
                    "known_hosts": known_hosts,
                });
                if !passphrase.is_empty() {
                    data["password"] = json!(passphrase);
                }
                (data, &None)
            }
            Credentials::Password { username, password, ca } => {
                (json!({"username": username, "password": password}), ca)
            }
            Credentials::Bearer { token, ca } => (json!({"bearerToken": token}), ca),
        };
        if let Some(ca) = ca {
            data["ca.crt"] = json!(ca);
        }
        data
    }
}

impl Bootstrap<'_> {
    /// Generates the component manifests, and commits what differs. The result is the commit, if there is one to push.
    ///
    /// # Errors
    /// They cannot be committed.
    pub async fn commit_components(
        &mut self,
        checkout: &mut dyn Checkout,
    ) -> Result<Option<String>, VerbError> {
        self.screen.action("generating component manifests");
        let made = self.components()?;
        self.screen.success("generated component manifests");
        let files = vec![(format!("{}/gotk-components.yaml", self.sync.folder()), made.file.clone())];
        let message = format!("Add Flux v{} component manifests", self.install.flux.full());
        self.commit(checkout, message, files, "component").await
    }

    /// Pushes the commit of the component manifests.
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn push_components(&mut self, checkout: &mut dyn Checkout) -> Result<(), VerbError> {
        self.screen.action(format!("pushing component manifests to {:?}", self.repository));
        let pushed = checkout.push().await;
        pushed.map_err(|error| VerbError::failed(format!("failed to push manifests: {error}")))
    }

    /// Pushes the commit of the sync manifests; whether it is there. It is not where another push came first: the branch must be
    /// checked out anew, and the commit be made on it.
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn push_sync(&mut self, checkout: &mut dyn Checkout) -> Result<bool, VerbError> {
        self.screen.action(format!("pushing sync manifests to {:?}", self.repository));
        match checkout.push().await {
            Ok(()) => Ok(true),
            Err(PushError::Conflict(_)) => Ok(false),
            Err(error) => Err(VerbError::failed(format!("failed to push sync manifests: {error}"))),
        }
    }

    async fn commit(
        &mut self,
        checkout: &mut dyn Checkout,
        mut message: String,
        mut files: Vec<(String, String)>,
        what: &str,
    ) -> Result<Option<String>, VerbError> {
        if let Some(appendix) = &self.appendix {
            message.push_str("\n\n");
            message.push_str(appendix);
        }
        let failed = |error: String| VerbError::failed(format!("failed to commit {what} manifests: {error}"));
        let mut different = Vec::new();
        for (path, content) in files.drain(..) {
            if checkout.read(&path).map_err(failed)?.as_deref() != Some(content.as_bytes()) {
                different.push((path, content));
            }
        }
        let (name, email) = self.author.clone();
        let commit = Commit { message, name, email, files: different, signer: self.signer.clone() };
        let made = match commit.files.is_empty() {
            true => None,
            false => checkout.commit(&commit).await.map_err(failed)?,
        };
        match &made {
            Some(id) => {
                self.screen.success(format!("committed {what} manifests to {:?} ({id:?})", self.sync.branch));
            }
            None => self.screen.success(format!("{what} manifests are up to date")),
        }
        Ok(made)
    }

    /// Applies the component manifests, unless Flux is there and keeps them up to date itself.
    ///
    /// # Errors
    /// What the cluster refuses.
    pub async fn install(&mut self) -> Result<(), VerbError> {
        if self.must_install().await? {
            self.screen.action(format!("installing components in {:?} namespace", self.install.namespace));
            self.install_now().await?;
            self.screen.success("installed components");
        }
        self.screen.success("reconciled components");
        Ok(())
    }

    /// Applies the component manifests.
    ///
    /// # Errors
    /// What the cluster refuses.
    pub async fn install_now(&mut self) -> Result<(), VerbError> {
        let made = self.components()?;
        for object in &made.objects {
            match self.manifests {
                // Nobody knows what else is in them.
                Some(_) => self.apply_when_served(object).await?,
                None => self.apply(object).await?,
            }
        }
        Ok(())
    }

    fn components(&self) -> Result<Arc<Components>, VerbError> {
        if let Some(made) = &self.manifests {
            return Ok(made.clone());
        }
        components(self.install)
            .map_err(|error| VerbError::failed(format!("component manifest generation failed: {error}")))
    }

    /// Applies an object of a kind whose definition has just been made: a server needs a moment until it serves it.
    async fn apply_when_served(&self, object: &Value) -> Result<(), ApiError> {
        let mut left = SERVED / POLL.as_millis();
        loop {
            match self.apply(object).await {
                Err(error)
                    if left > 0 && (error.is_not_found() || matches!(error, ApiError::NoMatch { .. })) =>
                {
                    left -= 1;
                    self.session.clock.sleep(POLL).await;
                }
                done => return done,
            }
        }
    }

    async fn apply(&self, object: &Value) -> Result<(), ApiError> {
        if let Some(noting) = self.applied {
            noting.note(object);
        }
        self.session.apply(object).await.map(drop)
    }

    /// Whether the Kustomization has not applied anything yet.
    async fn must_install(&self) -> Result<bool, VerbError> {
        let found = self.kustomization().await?;
        Ok(found
            .is_none_or(|found| found["status"]["lastAppliedRevision"].as_str().is_none_or(str::is_empty)))
    }

    /// The Kustomization by which the cluster follows a folder already.
    async fn kustomization(&self) -> Result<Option<Arc<Value>>, VerbError> {
        match self.session.flux(find("kustomize.toolkit.fluxcd.io", "Kustomization")?).await {
            Ok(resource) => {
                let path = resource.object(Some(&self.sync.namespace), &self.sync.namespace);
                Ok(self.session.find(&path).await?)
            }
            Err(ApiError::NoMatch { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses to take over a cluster that follows another folder: everything that it has from there would be pruned.
    async fn same_path(&self) -> Result<(), VerbError> {
        let found = self.kustomization().await.map_err(|error| match error {
            VerbError::Failed(why) => VerbError::failed(format!(
                "failed to determine if sync configuration would overwrite existing Kustomization: {why}"
            )),
            other => other,
        })?;
        let Some(found) = found else { return Ok(()) };
        let there = found["spec"]["path"].as_str().unwrap_or_default();
        if clean(there) == clean(&self.sync.path) {
            return Ok(());
        }
        Err(VerbError::failed(format!(
            "sync path configuration ({:?}) would overwrite path ({there:?}) of existing Kustomization",
            format!("./{}", self.sync.path)
        )))
    }

    /// The Secret with credentials, if there is one.
    ///
    /// # Errors
    /// The cluster cannot be asked.
    pub async fn source_secret(&mut self) -> Result<Option<SourceSecret>, VerbError> {
        let named = format!("{}/{}", self.sync.namespace, self.sync.secret);
        self.screen.action(format!("determining if source secret {named:?} exists"));
        let path = format!("/api/v1/namespaces/{}/secrets/{}", self.sync.namespace, self.sync.secret);
        Ok(self.session.find(&path).await?.map(|found| SourceSecret::of(&found)))
    }

    /// Says that the Secret stays as it is.
    pub fn keep_secret(&mut self) {
        self.screen.success("source secret up to date");
    }

    /// Puts credentials into the Secret.
    ///
    /// # Errors
    /// What the cluster refuses.
    pub async fn apply_secret(&mut self, credentials: &Credentials) -> Result<(), VerbError> {
        let named = format!("{}/{}", self.sync.namespace, self.sync.secret);
        self.screen.action(format!("applying source secret {named:?}"));
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": self.sync.secret, "namespace": self.sync.namespace},
            "stringData": credentials.data(),
        });
        self.apply(&secret).await?;
        self.screen.success("reconciled source secret");
        Ok(())
    }

    /// Generates the sync manifests, and commits what differs. The result is the commit, if there is one to push.
    ///
    /// # Errors
    /// The cluster follows another folder already, or they cannot be committed.
    pub async fn commit_sync(&mut self, checkout: &mut dyn Checkout) -> Result<Option<String>, VerbError> {
        self.same_path().await?;
        self.screen.action("generating sync manifests");
        let failed = |error: String| VerbError::failed(format!("sync manifests generation failed: {error}"));
        let file = self.sync.file().map_err(|error| failed(error.to_string()))?;
        let folder = self.sync.folder();
        let mut files = vec![(format!("{folder}/gotk-sync.yaml"), file)];
        // People customise their Flux in this file: where there is one, it stays.
        let list = format!("{folder}/kustomization.yaml");
        if checkout.read(&list).map_err(failed)?.is_none() {
            files.push((list, Sync::kustomization_file()));
        }
        self.screen.success("generated sync manifests");
        self.commit(checkout, "Add Flux sync manifests".to_owned(), files, "sync").await
    }

    /// Applies the sync manifests.
    ///
    /// # Errors
    /// What the cluster refuses.
    pub async fn apply_sync(&mut self) -> Result<(), VerbError> {
        self.screen.action("applying sync manifests");
        for object in self.sync.objects() {
            self.apply_when_served(&object).await?;
        }
        self.screen.success("reconciled sync configuration");
        Ok(())
    }

    /// Waits until source and Kustomization have come to `commit`, and until the controllers are ready.
    ///
    /// # Errors
    /// What did not become ready in time.
    pub async fn wait(&mut self, commit: &str) -> Result<(), VerbError> {
        let mut failures = Vec::new();
        for (group, kind) in
            [("source.toolkit.fluxcd.io", "GitRepository"), ("kustomize.toolkit.fluxcd.io", "Kustomization")]
        {
            let named = format!("{}/{}", self.sync.namespace, self.sync.namespace);
            self.screen.waiting(format!("waiting for {kind} {named:?} to be reconciled"));
            match self.until_reconciled(group, kind, commit).await {
                Ok(()) => self.screen.success(format!("{kind} reconciled successfully")),
                Err(error @ (VerbError::Missing(_) | VerbError::Usage(_))) => return Err(error),
                Err(error) => {
                    self.screen.failure(error.to_string());
                    failures.push(format!("error while waiting for {kind} to be ready: '{error}'"));
                }
            }
        }
        self.screen.action("confirming components are healthy");
        let mut names: Vec<&str> = self.install.components.iter().map(|component| component.name()).collect();
        names.sort_unstable();
        let mut healthy = true;
        for name in names {
            match self.session.until_deployed(&self.install.namespace, name).await {
                Ok(()) => self.screen.success(format!("{name}: deployment ready")),
                Err(error @ VerbError::Missing(_)) => return Err(error),
                Err(error) => {
                    healthy = false;
                    self.screen.failure(format!("{name}: deployment not ready"));
                    failures.push(error.to_string());
                }
            }
        }
        if healthy {
            self.screen.success("all components are healthy");
        }
        match failures.len() {
            0 => Ok(()),
            count => {
                let failures = failures.join(", ");
                Err(VerbError::failed(format!(
                    "bootstrap failed with {count} health check failure(s): [{failures}]"
                )))
            }
        }
    }
}
