//! The flags that every verb takes.

use super::value::{duration, switch, truth};
use crate::VerbError;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const HEADING: &str = "Global flags";

/// Which cluster, as whom, in which namespace, for how long. They stand behind the verb, in any place.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = HEADING)]
pub struct Global {
    /// Username to impersonate for the operation.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,
    /// Group to impersonate for the operation; can be given several times.
    #[arg(long, global = true, value_name = "GROUP")]
    pub as_group: Vec<String>,
    /// UID to impersonate for the operation.
    #[arg(long, global = true, value_name = "UID")]
    pub as_uid: Option<String>,
    /// User extras to impersonate for the operation, as KEY=VALUE; can be given several times, also for the same key.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub as_user_extra: Vec<String>,
    /// Path to a file with the certificate authority of the API server.
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,
    /// Path to a client certificate file for the API server.
    #[arg(long, global = true, value_name = "FILE")]
    pub client_certificate: Option<PathBuf>,
    /// Path to a client key file for the API server.
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// The name of the kubeconfig cluster to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The name of the kubeconfig context to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Do not ask the API server to compress its answers.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = super::SWITCH)]
    pub disable_compression: Option<String>,
    /// Do not check the API server's certificate.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = super::SWITCH)]
    pub insecure_skip_tls_verify: Option<String>,
    /// Path to the kubeconfig file [default: those of KUBECONFIG, else ~/.kube/config].
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of the request [default: what FLUX_SYSTEM_NAMESPACE says, else flux-system].
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Use the namespace of the kubeconfig context instead of flux-system; FLUX_NS_FOLLOWS_KUBE_CONTEXT says so, too.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = super::SWITCH)]
    pub ns_follows_kube_context: Option<String>,
    /// The address and port of the API server.
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// How long the operation may take [default: 5m0s].
    #[arg(long, global = true, value_name = "DURATION", allow_hyphen_values = true)]
    pub timeout: Option<String>,
    /// The name that the API server's certificate has to have.
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Bearer token for the API server.
    #[arg(long, global = true, value_name = "TOKEN")]
    pub token: Option<crate::Hidden>,
    /// The name of the kubeconfig user to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// Taken as flux takes it; nothing more is printed.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = super::SWITCH)]
    pub verbose: Option<String>,
    /// Whether FLUX_SYSTEM_NAMESPACE is not heeded.
    #[arg(skip)]
    pub(crate) ignores_variables: bool,
    #[arg(long, global = true, hide = true)]
    cache_dir: Option<OsString>,
    #[arg(long, global = true, hide = true)]
    kube_api_burst: Option<OsString>,
    #[arg(long, global = true, hide = true)]
    kube_api_qps: Option<OsString>,
}

/// What [`Global::timeout`] is where nothing says it.
const TIMEOUT: Duration = Duration::from_secs(300);

impl Global {
    /// The flags of a verb that acts in a namespace.
    pub fn of_namespace(name: &str) -> Global {
        Global { namespace: Some(name.to_owned()), ..Global::default() }
    }

    /// Refuses what flux has and we have not, and values that cannot be read. Every verb begins with it.
    ///
    /// # Errors
    /// Wrong usage, with the name of the flag.
    pub fn check(&self) -> Result<(), VerbError> {
        let cached = "nothing that a server says is kept on disk";
        let limits = "requests are not limited";
        let refused = [
            ("--cache-dir", &self.cache_dir, cached),
            ("--kube-api-burst", &self.kube_api_burst, limits),
            ("--kube-api-qps", &self.kube_api_qps, limits),
        ];
        for (flag, value, why) in refused {
            if value.is_some() {
                return Err(VerbError::unsupported(flag, why));
            }
        }
        self.timeout()?;
        self.verbose()?;
        self.disable_compression()?;
        self.insecure_skip_tls_verify()?;
        self.ns_follows_kube_context()?;
        self.given_namespace().map(drop)
    }

    /// How long the operation may take.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn timeout(&self) -> Result<Duration, VerbError> {
        let given = self.timeout.as_deref().map(|text| duration("--timeout", text)).transpose()?;
        Ok(given.map_or(TIMEOUT, |given| given.to_std()))
    }

    /// Whether generated objects are printed.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn verbose(&self) -> Result<bool, VerbError> {
        switch("--verbose", self.verbose.as_deref())
    }

    pub(crate) fn disable_compression(&self) -> Result<bool, VerbError> {
        switch("--disable-compression", self.disable_compression.as_deref())
    }

    pub(crate) fn insecure_skip_tls_verify(&self) -> Result<bool, VerbError> {
        switch("--insecure-skip-tls-verify", self.insecure_skip_tls_verify.as_deref())
    }

    pub(crate) fn ns_follows_kube_context(&self) -> Result<bool, VerbError> {
        if self.ns_follows_kube_context.is_some() {
            return switch("--ns-follows-kube-context", self.ns_follows_kube_context.as_deref());
        }
        let said = std::env::var("FLUX_NS_FOLLOWS_KUBE_CONTEXT").unwrap_or_default();
        Ok(truth(&said).unwrap_or_default())
    }

    /// The namespace that the user gave, by flag or by environment.
    ///
    /// # Errors
    /// Wrong usage: it is no name of a namespace.
    pub(crate) fn given_namespace(&self) -> Result<Option<String>, VerbError> {
        let from_environment = || std::env::var("FLUX_SYSTEM_NAMESPACE").ok().filter(|name| !name.is_empty());
        let given =
            self.namespace.clone().or_else(|| if self.ignores_variables { None } else { from_environment() });
        match given {
            Some(name) if !is_label(&name) => {
                Err(VerbError::usage(format!("namespace must be a valid DNS label: {name:?}")))
            }
            given => Ok(given),
        }
    }

    /// The namespace of the request where no cluster is asked.
    ///
    /// # Errors
    /// Wrong usage: it is no name of a namespace.
    pub fn namespace(&self) -> Result<String, VerbError> {
        Ok(self.given_namespace()?.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()))
    }
}

/// Flux's own namespace.
pub(crate) const DEFAULT_NAMESPACE: &str = "flux-system";

/// Whether it is a DNS label, as names of namespaces are.
fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
