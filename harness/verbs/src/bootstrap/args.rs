//! The flags that `bootstrap github` and `bootstrap git` share.

use super::component::Component;
use super::custom::built;
use super::keys::KeyAlgorithm;
use super::manifests::{Components, InstallOptions};
use super::signing;
use super::sync::Sync;
use crate::flags::{SWITCH, duration, invalid, list, switch};
use crate::{Env, Hidden, Session, VerbError};
use seatrial_api::{FluxRelease, GoDuration};
use seatrial_engine::CommitKey;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// What both share.
#[derive(Debug, clap::Args)]
pub(super) struct Shared {
    /// Mail address of the author of commits.
    #[arg(long, global = true, value_name = "ADDRESS")]
    author_email: Option<String>,
    /// Name of the author of commits [default: Flux].
    #[arg(long, global = true, value_name = "NAME")]
    author_name: Option<String>,
    /// Git branch [default: main].
    #[arg(long, global = true)]
    branch: Option<String>,
    /// A file with the certificate authority of the forge.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The cluster's domain [default: cluster.local].
    #[arg(long, global = true, value_name = "DOMAIN")]
    cluster_domain: Option<String>,
    /// Text to add to the messages of commits, such as '[ci skip]'.
    #[arg(long, global = true, value_name = "TEXT")]
    commit_message_appendix: Option<String>,
    /// The controllers; several with commas, or several times [default: source-controller, kustomize-controller,
    /// helm-controller, notification-controller].
    #[arg(long, global = true, value_name = "NAME")]
    components: Vec<String>,
    /// Controllers beside them: image-reflector-controller, image-automation-controller, source-watcher.
    #[arg(long, global = true, value_name = "NAME")]
    components_extra: Vec<String>,
    /// Override an installation of Flux by another tool, such as Helm, without asking.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    force: Option<String>,
    /// The Secret for pulling the controllers' images; it must be there.
    #[arg(long, global = true, value_name = "NAME")]
    image_pull_secret: Option<String>,
    /// How often the source is looked at [default: 1m0s].
    #[arg(long, global = true, value_name = "DURATION", allow_hyphen_values = true)]
    interval: Option<String>,
    /// Log level: debug, info or error [default: info].
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Component manifests of your own: a folder with a kustomization. Flags about components change nothing of them.
    #[arg(long, global = true, value_name = "FOLDER")]
    manifests: Option<PathBuf>,
    /// Have other namespaces reach nothing but metrics and webhooks [default: true].
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    network_policy: Option<String>,
    /// The folder that the cluster follows, relative to the root of the repository.
    #[arg(long, global = true, value_name = "PATH")]
    path: Option<String>,
    /// A private key for a Git server by SSH.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) private_key_file: Option<PathBuf>,
    /// Put submodules into the artifact.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    recurse_submodules: Option<String>,
    /// The key of the key ring that signs, by its id [default: the first].
    #[arg(long, global = true, value_name = "ID")]
    gpg_key_id: Option<String>,
    /// A GPG key ring, as `gpg --export-secret-keys` writes it: commits are signed with a key of it.
    #[arg(long, global = true, value_name = "FILE")]
    gpg_key_ring: Option<PathBuf>,
    /// The passphrase of that key.
    #[arg(long, global = true, value_name = "TEXT")]
    gpg_passphrase: Option<Hidden>,
    /// Where the controllers' images come from [default: ghcr.io/fluxcd].
    #[arg(long, global = true, value_name = "REGISTRY")]
    registry: Option<String>,
    /// The Secret with the credentials of the repository [default: flux-system].
    #[arg(long, global = true, value_name = "NAME")]
    secret_name: Option<String>,
    /// The folders that the artifact has; several with commas, or several times.
    #[arg(long, global = true, value_name = "PATH")]
    sparse_checkout: Vec<String>,
    /// Curve of an ECDSA key: p256, p384 or p521 [default: p384].
    #[arg(long, global = true, value_name = "CURVE")]
    ssh_ecdsa_curve: Option<String>,
    /// The SSH server, where it is another host than the one of HTTPS.
    #[arg(long, global = true, value_name = "HOST")]
    pub(super) ssh_hostname: Option<String>,
    /// Algorithm of the deploy key: ecdsa, ed25519 or rsa [default: ecdsa].
    #[arg(long, global = true, value_name = "ALGORITHM")]
    ssh_key_algorithm: Option<String>,
    /// Size of an RSA key: 2048, 3072, 4096 or 8192 [default: 2048].
    #[arg(long, global = true, value_name = "BITS")]
    ssh_rsa_bits: Option<String>,
    /// Have the cluster use the token (or the password) instead of a deploy key.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    token_auth: Option<String>,
    /// Keys of taints that the controllers' pods tolerate.
    #[arg(long, global = true, value_name = "KEY")]
    toleration_keys: Vec<String>,
    /// The release: v2.2.3 or v2.9.
    #[arg(short = 'v', long, global = true, value_name = "RELEASE")]
    version: Option<String>,
    /// Reconcile objects of all namespaces [default: true].
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    watch_all_namespaces: Option<String>,
    #[arg(long, global = true, hide = true)]
    registry_creds: Option<OsString>,
    #[arg(long, global = true, hide = true)]
    ssh_hostkey_algos: Option<OsString>,
    #[arg(long, global = true, hide = true)]
    ssh_signing_key_file: Option<OsString>,
    #[arg(long, global = true, hide = true)]
    ssh_signing_password: Option<OsString>,
    #[arg(long, global = true, hide = true, num_args = 0..=1)]
    ssh_signing_reuse_private_key: Option<OsString>,
}

/// The flags, read.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) branch: String,
    pub(super) path: String,
    pub(super) author: (String, String),
    pub(super) appendix: Option<String>,
    /// What commits are signed with.
    pub(super) signer: Option<Arc<CommitKey>>,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) token_auth: bool,
    install: InstallOptions,
    /// Manifests of the user's own.
    pub(super) manifests: Option<Arc<Components>>,
    /// Whether an installation by another tool is overridden without asking.
    pub(super) force: bool,
    secret: Option<String>,
    interval: GoDuration,
    recurse_submodules: bool,
    sparse_checkout: Vec<String>,
}

const UNSIGNED: &str = "commits are signed with GPG keys alone (--gpg-key-ring)";

impl Shared {
    pub(super) fn given_release(&self) -> Option<FluxRelease> {
        self.version.as_deref().and_then(|text| text.parse().ok())
    }

    /// Refuses what is not supported, and reads the rest.
    pub(super) fn read(&self, env: &Env) -> Result<Options, VerbError> {
        let refused = [
            ("--registry-creds", &self.registry_creds, "make the secret that --image-pull-secret names"),
            ("--ssh-hostkey-algos", &self.ssh_hostkey_algos, "ssh chooses the algorithms"),
            ("--ssh-signing-key-file", &self.ssh_signing_key_file, UNSIGNED),
            ("--ssh-signing-password", &self.ssh_signing_password, UNSIGNED),
            ("--ssh-signing-reuse-private-key", &self.ssh_signing_reuse_private_key, UNSIGNED),
        ];
        for (flag, value, why) in refused {
            if value.is_some() {
                return Err(VerbError::unsupported(flag, why));
            }
        }
        let text =
            |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
        let flux = release(env, self.version.as_deref())?;
        let mut install = InstallOptions::of(flux);
        install.components = components(flux, &self.components, &self.components_extra)?;
        install.network_policy = on("--network-policy", self.network_policy.as_deref())?;
        install.watch_all_namespaces = on("--watch-all-namespaces", self.watch_all_namespaces.as_deref())?;
        install.registry = text(&self.registry, &install.registry);
        install.image_pull_secret = self.image_pull_secret.clone().filter(|name| !name.is_empty());
        install.log_level = log_level(self.log_level.as_deref())?;
        install.cluster_domain = text(&self.cluster_domain, &install.cluster_domain);
        install.toleration_keys = list("--toleration-keys", &self.toleration_keys)?;
        install.placeholder.clone_from(&env.placeholder);
        let manifests = self.manifests.as_deref().filter(|folder| !folder.as_os_str().is_empty());
        let manifests = manifests.map(|folder| built(folder, &install)).transpose()?.map(Arc::new);
        let signer = signing::key(
            self.gpg_key_ring.as_deref(),
            self.gpg_key_id.as_deref(),
            self.gpg_passphrase.as_ref(),
        )?;
        let interval = self.interval.as_deref().map(|text| duration("--interval", text)).transpose()?;
        Ok(Options {
            branch: text(&self.branch, "main"),
            path: relative(self.path.as_deref().unwrap_or_default())?,
            author: (text(&self.author_name, "Flux"), text(&self.author_email, "")),
            appendix: self.commit_message_appendix.clone().filter(|text| !text.is_empty()),
            signer,
            algorithm: self.algorithm()?,
            token_auth: switch("--token-auth", self.token_auth.as_deref())?,
            install,
            manifests,
            force: switch("--force", self.force.as_deref())?,
            secret: self.secret_name.clone(),
            interval: interval.unwrap_or(GoDuration::from_secs(60)),
            recurse_submodules: switch("--recurse-submodules", self.recurse_submodules.as_deref())?,
            sparse_checkout: list("--sparse-checkout", &self.sparse_checkout)?,
        })
    }

    fn algorithm(&self) -> Result<KeyAlgorithm, VerbError> {
        let curve = self.ssh_ecdsa_curve.as_deref().unwrap_or("p384");
        let ecdsa = match curve {
            "p256" => KeyAlgorithm::EcdsaP256,
            "p384" => KeyAlgorithm::EcdsaP384,
            "p521" => KeyAlgorithm::EcdsaP521,
            other => {
                let why = format!("unsupported curve '{other}', must be one of: p256, p384, p521");
                return Err(invalid("--ssh-ecdsa-curve", other, why));
            }
        };
        let bits = self.ssh_rsa_bits.as_deref().unwrap_or("2048");
        let size = bits.parse().ok().filter(|size| [2048, 3072, 4096, 8192].contains(size));
        let size = size.ok_or_else(|| {
            invalid("--ssh-rsa-bits", bits, "keys of 2048, 3072, 4096 and 8192 bits are supported")
        })?;
        match self.ssh_key_algorithm.as_deref().unwrap_or("ecdsa") {
            "ecdsa" => Ok(ecdsa),
            "ed25519" => Ok(KeyAlgorithm::Ed25519),
            "rsa" => Ok(KeyAlgorithm::Rsa(size)),
            other => {
                let why = format!(
                    "unsupported public key algorithm '{other}', must be one of: rsa, ecdsa, ed25519"
                );
                Err(invalid("--ssh-key-algorithm", other, why))
            }
        }
    }
}

impl Options {
    /// What is installed by this session.
    pub(super) fn install(&self, session: &Session) -> InstallOptions {
        InstallOptions { namespace: session.namespace.clone(), ..self.install.clone() }
    }

    /// What the cluster of this session follows.
    pub(super) fn sync(&self, session: &Session, url: &str) -> Sync {
        Sync {
            url: url.to_owned(),
            branch: self.branch.clone(),
            path: self.path.clone(),
            namespace: session.namespace.clone(),
            secret: self.secret.clone().unwrap_or_else(|| crate::flags::DEFAULT_NAMESPACE.to_owned()),
            interval: self.interval,
            recurse_submodules: self.recurse_submodules,
            sparse_checkout: self.sparse_checkout.clone(),
        }
    }
}

/// The release: that of the flag, else that of the surroundings.
pub(crate) fn release(env: &Env, given: Option<&str>) -> Result<FluxRelease, VerbError> {
    match given {
        None | Some("") => Ok(env.flux),
        Some(text) => text.parse().map_err(|error| VerbError::usage(format!("failed to {error}"))),
    }
}

/// A switch that is on where nobody says anything.
fn on(flag: &str, text: Option<&str>) -> Result<bool, VerbError> {
    match text {
        None => Ok(true),
        text => switch(flag, text),
    }
}

fn log_level(given: Option<&str>) -> Result<String, VerbError> {
    match given.unwrap_or("info") {
        level @ ("debug" | "info" | "error") => Ok(level.to_owned()),
        other => {
            let why = format!("unsupported log level '{other}', must be one of: debug, info, error");
            Err(invalid("--log-level", other, why))
        }
    }
}

/// The controllers of `--components` and `--components-extra`.
fn components(flux: FluxRelease, given: &[String], extra: &[String]) -> Result<Vec<Component>, VerbError> {
    let given = list("--components", given)?;
    let mut names: Vec<String> = match given.is_empty() {
        true => Component::USUAL.iter().map(|component| component.name().to_owned()).collect(),
        false => given,
    };
    for needed in [Component::SourceController, Component::KustomizeController] {
        if !names.iter().any(|name| name == needed.name()) {
            return Err(VerbError::usage(format!("component {} is required", needed.name())));
        }
    }
    names.extend(list("--components-extra", extra)?);
    let mut components = Vec::new();
    for name in names {
        let known = Component::named(&name)
            .ok_or_else(|| VerbError::usage(format!("component {name} is not available")))?;
        if !known.is_in(flux) {
            return Err(VerbError::usage(format!("component {name} is not available in Flux {flux}")));
        }
        if !components.contains(&known) {
            components.push(known);
        }
    }
    Ok(components)
}

/// A path of the repository, cleaned.
fn relative(path: &str) -> Result<String, VerbError> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // As in flux, it leads to the root at most.
            ".." => drop(parts.pop()),
            part if part.contains(['\0', '\n', '\\']) => {
                return Err(invalid("--path", path, "it is no path of a repository"));
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}
