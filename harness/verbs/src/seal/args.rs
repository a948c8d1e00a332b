//! kubeseal's flags.

use super::SealVerbError;
use super::invalid;
use crate::connect::connect;
use crate::{Env, Global, VerbError};
use seatrial_seal::Scope;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seal secrets, as `kubeseal` does.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
#[command(
    mut_arg("namespace", |arg| arg.help("The namespace of a Secret that has none [default: that of the kubeconfig context, else default]")),
    mut_arg("ns_follows_kube_context", |arg| arg.hide(true))
)]
pub struct Args {
    /// Secret (input) file; standard input by default.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Sealed-secret (output) file; standard output by default.
    #[arg(short = 'w', long, value_name = "FILE")]
    pub sealed_secret_file: Option<PathBuf>,
    /// Output format: json or yaml.
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "json")]
    pub format: String,
    /// Certificate for encryption: a file or an address. Overrides --controller-*.
    #[arg(long, value_name = "FILE|URL")]
    pub cert: Option<String>,
    /// Write the controller's certificate to standard output, for later use with --cert.
    #[arg(long)]
    pub fetch_cert: bool,
    /// Name of the sealed-secrets controller.
    #[arg(long, value_name = "NAME", default_value = "sealed-secrets-controller")]
    pub controller_name: String,
    /// Namespace of the sealed-secrets controller.
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system")]
    pub controller_namespace: String,
    /// Scope of the sealed secret: strict, namespace-wide, cluster-wide.
    #[arg(long, value_name = "SCOPE", default_value = "strict")]
    pub scope: String,
    /// Name of the sealed secret; required with --raw and the scope strict.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Encrypt a raw value in place of a whole Secret.
    #[arg(long)]
    pub raw: bool,
    /// With --raw: the file with the value, or KEY=FILE; standard input by default.
    #[arg(long, value_name = "[KEY=]FILE", value_delimiter = ',')]
    pub from_file: Vec<String>,
    /// Merge the values into an existing sealed secret file, in place.
    #[arg(long, value_name = "FILE")]
    pub merge_into: Option<PathBuf>,
    /// Have the controller say whether it can decrypt the sealed secret.
    #[arg(long)]
    pub validate: bool,
    /// Have the controller encrypt the sealed secret anew with its newest key: the file of --secret-file in place, unless
    /// --sealed-secret-file is given.
    #[arg(long, alias = "rotate")]
    pub re_encrypt: bool,
    /// Decrypt a sealed secret with the keys of --recovery-private-key.
    #[arg(long)]
    pub recovery_unseal: bool,
    /// Files with private keys in PEM, or with backups of the controller's Secrets in YAML or JSON.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    pub recovery_private_key: Vec<PathBuf>,
    /// Allow a Secret without data.
    #[arg(long)]
    pub allow_empty_data: bool,
    /// How long a request may take; 0: as long as --timeout says.
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub request_timeout: String,
    /// Which cluster, as whom.
    #[command(flatten)]
    pub global: Global,
    #[arg(long, hide = true)]
    password: Option<OsString>,
    #[arg(long, hide = true)]
    username: Option<OsString>,
    #[arg(long, hide = true)]
    proxy_url: Option<OsString>,
    #[arg(long, short = 'v', hide = true)]
    v: Option<OsString>,
}

/// What is asked for.
pub(super) enum Mode {
    FetchCertificate,
    Validate,
    ReEncrypt,
    RecoveryUnseal,
    Raw,
    Seal,
}

impl Args {
    /// Refuses flags that kubeseal has and we have not.
    pub(super) fn check(&self) -> Result<(), VerbError> {
        let refused = [
            ("--password", &self.password, "API servers have no passwords any more"),
            ("--username", &self.username, "API servers have no passwords any more"),
            ("--proxy-url", &self.proxy_url, "proxies are not heeded"),
            ("--v", &self.v, "nothing is logged"),
        ];
        for (flag, value, why) in refused {
            if value.is_some() {
                return Err(VerbError::unsupported(flag, why));
            }
        }
        if !matches!(self.request_timeout.as_str(), "0" | "") {
            crate::flags::duration("--request-timeout", &self.request_timeout)?;
        }
        self.scope()?;
        self.following_context().check()
    }

    pub(super) fn mode(&self) -> Result<Mode, SealVerbError> {
        if !self.raw && !self.from_file.is_empty() {
            return Err(invalid("--from-file requires --raw"));
        }
        if !matches!(self.format.to_lowercase().as_str(), "json" | "yaml" | "") {
            return Err(invalid(format!("unsupported output format: {}", self.format)));
        }
        Ok(match self {
            Args { fetch_cert: true, .. } => Mode::FetchCertificate,
            Args { validate: true, .. } => Mode::Validate,
            Args { re_encrypt: true, .. } => Mode::ReEncrypt,
            Args { recovery_unseal: true, .. } => Mode::RecoveryUnseal,
            Args { raw: true, merge_into: None, .. } => Mode::Raw,
            Args { raw: true, .. } => {
                return Err(invalid("--merge-into takes a whole Secret: leave out --raw"));
            }
            _ => Mode::Seal,
        })
    }

    /// Whether YAML is written: a file that is called so is, whatever the format says, as with kubeseal.
    pub(super) fn is_yaml(&self, to: Option<&Path>) -> bool {
        let called = to.and_then(Path::extension).is_some_and(|end| end == "yaml" || end == "yml");
        called || self.format.eq_ignore_ascii_case("yaml")
    }

    /// The scope that the flag says.
    pub(super) fn scope(&self) -> Result<Scope, VerbError> {
        let known = "must be one of: strict, namespace-wide, cluster-wide";
        self.scope.parse().map_err(|_| crate::flags::invalid("--scope", &self.scope, known))
    }

    /// The files of the values, with the keys that they were given.
    pub(super) fn value_files(&self) -> Result<Vec<(Option<String>, PathBuf)>, SealVerbError> {
        let split = |text: &String| match text.split_once('=') {
            Some((key, file)) => (Some(key.to_owned()), PathBuf::from(file)),
            None => (None, PathBuf::from(text)),
        };
        Ok(self.from_file.iter().map(split).collect())
    }

    /// The files of the private keys.
    pub fn private_key_files(&self) -> Vec<PathBuf> {
        self.recovery_private_key.clone()
    }

    /// The flags that say the cluster, for the namespace of the kubeconfig's context.
    pub(super) fn following_context(&self) -> Global {
        let mut global = self.global.clone();
        global.ns_follows_kube_context = Some("true".to_owned());
        // Flux's variable says nothing about Secrets.
        global.ignores_variables = true;
        global
    }

    /// How long a request may take.
    pub(super) fn request_limit(&self) -> Result<Duration, VerbError> {
        match self.request_timeout.as_str() {
            "0" | "" => self.global.timeout(),
            text => match crate::flags::duration("--request-timeout", text)?.to_std() {
                Duration::ZERO => self.global.timeout(),
                limit => Ok(limit),
            },
        }
    }

    /// The namespace of a Secret that has none.
    pub(super) async fn namespace(&self, env: &Env) -> Result<String, SealVerbError> {
        if let Some(namespace) = self.global.namespace.as_ref().filter(|namespace| !namespace.is_empty()) {
            return Ok(namespace.clone());
        }
        if env.client.is_some() {
            return Ok("default".to_owned());
        }
        let inferred = connect(&self.following_context()).await;
        inferred.map(|connection| connection.namespace).map_err(|error| match error {
            VerbError::Missing(_) => SealVerbError::Missing(
                "input secret has no namespace and cannot infer the namespace automatically when no kube config is available"
                    .to_owned(),
            ),
            other => other.into(),
        })
    }
}
