//! `create source oci`.

use super::{Common, Made, labels, set, set_reference, some};
use crate::VerbError;
use crate::flags::{SWITCH, invalid, list, switch};
use seatrial_api::GoDuration;
use serde_json::{Map, Value, json};

/// Create or update an OCIRepository.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name.
    pub(super) name: Vec<String>,
    /// The name of a secret with TLS certificates.
    #[arg(long, value_name = "NAME")]
    cert_ref: Option<String>,
    /// The digest of the artifact.
    #[arg(long)]
    digest: Option<String>,
    /// Paths to leave out; several with commas, or several times.
    #[arg(long, value_name = "PATH")]
    ignore_paths: Vec<String>,
    /// Talk to the registry by plain HTTP.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    insecure: Option<String>,
    /// Which layer, and what becomes of it: MEDIATYPE:extract or MEDIATYPE:copy.
    #[arg(long, value_name = "SELECTOR")]
    layer_selector: Option<String>,
    /// The provider: generic, aws, azure or gcp.
    #[arg(long)]
    provider: Option<String>,
    /// The name of a secret with the address and credentials of a proxy.
    #[arg(long, value_name = "NAME")]
    proxy_secret_ref: Option<String>,
    /// The name of the image pull secret.
    #[arg(long, value_name = "NAME")]
    secret_ref: Option<String>,
    /// The name of a service account with an image pull secret.
    #[arg(long, value_name = "NAME")]
    service_account: Option<String>,
    /// The tag of the artifact.
    #[arg(long)]
    tag: Option<String>,
    /// Range of versions of the tag.
    #[arg(long, value_name = "RANGE")]
    tag_semver: Option<String>,
    /// The URL of the repository.
    #[arg(long)]
    url: Option<String>,
    /// Regular expression that the OIDC issuer of a signature has to match.
    #[arg(long, value_name = "REGEX")]
    verify_issuer: Option<String>,
    /// What signatures are verified with: cosign.
    #[arg(long, value_name = "PROVIDER")]
    verify_provider: Option<String>,
    /// The name of a secret with the keys of signatures.
    #[arg(long, value_name = "NAME")]
    verify_secret_ref: Option<String>,
    /// Regular expression that the OIDC subject of a signature has to match.
    #[arg(long, value_name = "REGEX")]
    verify_subject: Option<String>,
}

const NO_VERIFY_PROVIDER: &str = "no source OCI verify provider given, please specify the OCI verify provider name to use \
                                  for signature verification, available options are: (cosign)";
const PROVIDERS: [&str; 4] = ["generic", "aws", "azure", "gcp"];

impl Args {
    /// Whether the values can be read.
    pub(super) fn check(&self) -> Result<(), VerbError> {
        if let Some(given) = self.provider.as_ref().filter(|given| !PROVIDERS.contains(&given.as_str())) {
            let known = PROVIDERS.join(", ");
            let why = match given.as_str() {
                "" => "no source OCI provider given, please specify the OCI provider name".to_owned(),
                given => format!("source OCI provider '{given}' is not supported, must be one of: {known}"),
            };
            return Err(invalid("--provider", given, why));
        }
        if let Some(given) = self.verify_provider.as_ref().filter(|given| *given != "cosign") {
            let why = match given.as_str() {
                "" => NO_VERIFY_PROVIDER.to_owned(),
                given => {
                    format!("source OCI verify provider '{given}' is not supported, must be one of: cosign")
                }
            };
            return Err(invalid("--verify-provider", given, why));
        }
        switch("--insecure", self.insecure.as_deref())?;
        list("--ignore-paths", &self.ignore_paths).map(drop)
    }

    /// The OCIRepository.
    pub(super) fn made(
        &self,
        common: &mut Common,
        pairs: &[String],
        fetch_timeout: Option<GoDuration>,
    ) -> Result<Made, VerbError> {
        let url = some(self.url.as_ref()).ok_or_else(|| VerbError::usage("url is required"))?;
        let mut reference = Map::new();
        set(&mut reference, "tag", self.tag.as_ref());
        set(&mut reference, "semver", self.tag_semver.as_ref());
        set(&mut reference, "digest", self.digest.as_ref());
        if reference.is_empty() {
            return Err(VerbError::usage("--tag, --tag-semver or --digest is required"));
        }
        let layer_selector =
            some(self.layer_selector.as_ref()).map(|text| layer_selector(text)).transpose()?;
        common.labels = labels(pairs)?;
        let provider = some(self.provider.as_ref()).map_or("generic", String::as_str);
        let mut spec = Map::new();
        spec.insert("interval".to_owned(), json!(common.interval));
        spec.insert("url".to_owned(), json!(url));
        spec.insert("ref".to_owned(), Value::Object(reference));
        spec.insert("provider".to_owned(), json!(provider));
        if switch("--insecure", self.insecure.as_deref())? {
            spec.insert("insecure".to_owned(), json!(true));
        }
        if let Some(timeout) = fetch_timeout.filter(|timeout| timeout.0 != 0) {
            spec.insert("timeout".to_owned(), json!(timeout));
        }
        let ignored = list("--ignore-paths", &self.ignore_paths)?;
        if !ignored.is_empty() {
            spec.insert("ignore".to_owned(), json!(ignored.join("\n")));
        }
        set(&mut spec, "serviceAccountName", self.service_account.as_ref());
        set_reference(&mut spec, "secretRef", self.secret_ref.as_ref());
        set_reference(&mut spec, "certSecretRef", self.cert_ref.as_ref());
        set_reference(&mut spec, "proxySecretRef", self.proxy_secret_ref.as_ref());
        if let Some(selector) = layer_selector {
            spec.insert("layerSelector".to_owned(), selector);
        }
        if let Some(verify) = self.verify()? {
            spec.insert("verify".to_owned(), verify);
        }
        let (group, kind) = ("source.toolkit.fluxcd.io", "OCIRepository");
        Ok(Made { group, kind, noun: "OCIRepository", spec })
    }

    fn verify(&self) -> Result<Option<Value>, VerbError> {
        let (issuer, subject) = (some(self.verify_issuer.as_ref()), some(self.verify_subject.as_ref()));
        let identity = issuer.is_some() || subject.is_some();
        let Some(provider) = some(self.verify_provider.as_ref()) else {
            let lacks = |what: &str| {
                let why = format!("a verification provider must be specified when {what} is specified");
                VerbError::usage(why)
            };
            if some(self.verify_secret_ref.as_ref()).is_some() {
                return Err(lacks("a secret"));
            }
            return if identity { Err(lacks("OIDC issuer/subject")) } else { Ok(None) };
        };
        let mut verify = Map::new();
        set(&mut verify, "provider", Some(provider));
        set_reference(&mut verify, "secretRef", self.verify_secret_ref.as_ref());
        if identity {
            let text = |given: Option<&String>| given.cloned().unwrap_or_default();
            let identities = json!([{"issuer": text(issuer), "subject": text(subject)}]);
            verify.insert("matchOIDCIdentity".to_owned(), identities);
        }
        Ok(Some(Value::Object(verify)))
    }
}

fn layer_selector(text: &str) -> Result<Value, VerbError> {
    let wrong = |why: &str| VerbError::usage(format!("invalid --layer-selector {text:?}: {why}"));
    let format = "must be in the format '<media-type>:<operation>'";
    let (media_type, operation) = text.split_once(':').ok_or_else(|| wrong(format))?;
    if media_type.is_empty() || operation.is_empty() {
        return Err(wrong(format));
    }
    if !matches!(operation, "extract" | "copy") {
        return Err(wrong("operation must be \"extract\" or \"copy\""));
    }
    Ok(json!({"mediaType": media_type, "operation": operation}))
}
