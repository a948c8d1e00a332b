//! `create source git`.

use super::{Common, Made, labels, set, set_reference, some};
use crate::VerbError;
use crate::flags::{SWITCH, invalid, list, switch};
use seatrial_api::GoDuration;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Create or update a GitRepository source.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name.
    pub(super) name: Vec<String>,
    /// Git branch.
    #[arg(long)]
    branch: Option<String>,
    /// Path to a file with the certificate authority of a server whose certificate no public one has signed.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Git commit.
    #[arg(long)]
    commit: Option<String>,
    /// Paths to leave out of the artifact; several with commas, or several times.
    #[arg(long, value_name = "PATH")]
    ignore_paths: Vec<String>,
    /// Basic authentication password.
    #[arg(short, long)]
    pub(super) password: Option<crate::Hidden>,
    /// Path to a private key for a Git server by SSH.
    #[arg(long, value_name = "FILE")]
    pub(super) private_key_file: Option<PathBuf>,
    /// The Git provider: generic, github, aws or azure.
    #[arg(long)]
    provider: Option<String>,
    /// The name of a secret with the address and credentials of a proxy.
    #[arg(long, value_name = "NAME")]
    proxy_secret_ref: Option<String>,
    /// Put submodules into the artifact.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    recurse_submodules: Option<String>,
    /// Git reference name.
    #[arg(long, value_name = "NAME")]
    ref_name: Option<String>,
    /// The name of a secret with credentials.
    #[arg(long, value_name = "NAME")]
    pub(super) secret_ref: Option<String>,
    /// Ask for no confirmation that a deploy key was set up.
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    silent: Option<String>,
    /// The paths to check out, and no others; several with commas, or several times.
    #[arg(long, value_name = "PATH")]
    sparse_checkout_paths: Vec<String>,
    /// Curve of a generated ECDSA key: p256, p384 or p521.
    #[arg(long, value_name = "CURVE")]
    ssh_ecdsa_curve: Option<String>,
    /// Algorithm of a generated key: rsa, ecdsa or ed25519.
    #[arg(long, value_name = "ALGORITHM")]
    ssh_key_algorithm: Option<String>,
    /// Size of a generated RSA key.
    #[arg(long, value_name = "BITS")]
    ssh_rsa_bits: Option<String>,
    /// Git tag.
    #[arg(long)]
    tag: Option<String>,
    /// Range of versions of the tag.
    #[arg(long, value_name = "RANGE")]
    tag_semver: Option<String>,
    /// Git address, such as ssh://git@host/org/repository.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Basic authentication username.
    #[arg(short, long)]
    pub(super) username: Option<String>,
}

impl Args {
    /// Whether the values can be read.
    pub(super) fn check(&self) -> Result<(), VerbError> {
        word("--provider", self.provider.as_ref(), &["generic", "github", "aws", "azure"], |given| {
            if given.is_empty() {
                return "no source Git provider given, please specify the Git provider name".to_owned();
            }
            let known = "generic|github|aws|azure";
            format!("source Git provider '{given}' is not supported, must be one of: {known}")
        })?;
        word(
            "--ssh-key-algorithm",
            self.ssh_key_algorithm.as_ref(),
            &["rsa", "ecdsa", "ed25519"],
            |given| {
                if given.is_empty() {
                    return "no public key algorithm given, must be one of: rsa, ecdsa, ed25519".to_owned();
                }
                format!("unsupported public key algorithm '{given}', must be one of: rsa, ecdsa, ed25519")
            },
        )?;
        word("--ssh-ecdsa-curve", self.ssh_ecdsa_curve.as_ref(), &["p256", "p384", "p521"], |given| {
            format!("unsupported curve '{given}', must be one of: p256, p384, p521")
        })?;
        if let Some(bits) = some(self.ssh_rsa_bits.as_ref()) {
            check_bits(bits).map_err(|why| invalid("--ssh-rsa-bits", bits, why))?;
        }
        switch("--recurse-submodules", self.recurse_submodules.as_deref())?;
        switch("-s, --silent", self.silent.as_deref())?;
        list("--ignore-paths", &self.ignore_paths)?;
        list("--sparse-checkout-paths", &self.sparse_checkout_paths).map(drop)
    }

    /// The GitRepository.
    pub(super) fn made(
        &self,
        common: &mut Common,
        pairs: &[String],
        fetch_timeout: Option<GoDuration>,
    ) -> Result<Made, VerbError> {
        let url = some(self.url.as_ref()).ok_or_else(|| VerbError::usage("url is required"))?;
        let scheme = scheme(url)?;
        if !matches!(scheme.as_str(), "ssh" | "http" | "https") {
            let why = format!("git URL scheme '{scheme}' not supported, can be: ssh, http and https");
            return Err(VerbError::usage(why));
        }
        let reference = self.reference();
        if reference.is_empty() {
            return Err(VerbError::usage(
                "a Git ref is required, use one of the following: --branch, --tag, --commit, --ref-name or --tag-semver",
            ));
        }
        common.labels = labels(pairs)?;
        let mut spec = Map::new();
        spec.insert("interval".to_owned(), json!(common.interval));
        spec.insert("url".to_owned(), json!(url));
        spec.insert("ref".to_owned(), Value::Object(reference));
        if let Some(timeout) = fetch_timeout.filter(|timeout| timeout.0 != 0) {
            spec.insert("timeout".to_owned(), json!(timeout));
        }
        set(&mut spec, "provider", self.provider.as_ref());
        set_reference(&mut spec, "secretRef", self.secret_ref.as_ref());
        set_reference(&mut spec, "proxySecretRef", self.proxy_secret_ref.as_ref());
        if switch("--recurse-submodules", self.recurse_submodules.as_deref())? {
            spec.insert("recurseSubmodules".to_owned(), json!(true));
        }
        let ignored = list("--ignore-paths", &self.ignore_paths)?;
        if !ignored.is_empty() {
            spec.insert("ignore".to_owned(), json!(ignored.join("\n")));
        }
        let sparse = list("--sparse-checkout-paths", &self.sparse_checkout_paths)?;
        if !sparse.is_empty() {
            spec.insert("sparseCheckout".to_owned(), json!(sparse));
        }
        let (group, kind) = ("source.toolkit.fluxcd.io", "GitRepository");
        Ok(Made { group, kind, noun: "GitRepository source", spec })
    }

    /// Which commit: the most exact of what was given. A commit keeps its branch.
    fn reference(&self) -> Map<String, Value> {
        let mut reference = Map::new();
        if some(self.commit.as_ref()).is_some() {
            set(&mut reference, "commit", self.commit.as_ref());
            set(&mut reference, "branch", self.branch.as_ref());
            return reference;
        }
        let given = [
            ("name", &self.ref_name),
            ("semver", &self.tag_semver),
            ("tag", &self.tag),
            ("branch", &self.branch),
        ];
        if let Some((key, value)) = given.into_iter().find(|(_, value)| some(value.as_ref()).is_some()) {
            set(&mut reference, key, value.as_ref());
        }
        reference
    }
}

fn word(
    flag: &str,
    value: Option<&String>,
    known: &[&str],
    wrong: impl Fn(&str) -> String,
) -> Result<(), VerbError> {
    match value {
        Some(value) if !known.contains(&value.as_str()) => Err(invalid(flag, value, wrong(value))),
        _ => Ok(()),
    }
}

fn check_bits(bits: &str) -> Result<(), String> {
    let parsed: i64 = bits.parse().map_err(|_| format!("strconv.Atoi: parsing {bits:?}: invalid syntax"))?;
    match parsed {
        ..1024 => Err("RSA key bit size must be at least 1024".to_owned()),
        _ if parsed % 8 != 0 => Err("RSA key bit size must be a multiples of 8".to_owned()),
        _ => Ok(()),
    }
}

/// The scheme of a URL, in lower case; empty where there is none.
fn scheme(url: &str) -> Result<String, VerbError> {
    let failed = |why| VerbError::usage(format!("git URL parse failed: parse {url:?}: {why}"));
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let Some((scheme, _)) = url.split_once(':') else { return Ok(String::new()) };
    if scheme.is_empty() {
        return Err(failed("missing protocol scheme"));
    }
    if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(inner) {
        return Ok(scheme.to_ascii_lowercase());
    }
    if scheme.contains('/') {
        Ok(String::new())
    } else {
        Err(failed("first path segment in URL cannot contain colon"))
    }
}
