//! `create image`.

use super::{Common, Made, labels, set, set_reference, some};
use crate::VerbError;
use crate::flags::{duration, invalid};
use seatrial_api::GoDuration;
use seatrial_image::Repository;
use seatrial_template::regexp::Regexp;
use serde_json::{Map, Value, json};

/// The group of the image kinds.
pub(super) const GROUP: &str = "image.toolkit.fluxcd.io";

/// Create or update an ImageRepository.
#[derive(Debug, clap::Args)]
pub(super) struct RepositoryArgs {
    /// Its name.
    pub(super) name: Vec<String>,
    /// The name of a secret with TLS certificates.
    #[arg(long, value_name = "NAME")]
    cert_ref: Option<String>,
    /// The image repository to scan, such as library/alpine.
    #[arg(long)]
    image: Option<String>,
    /// How long a scan may take [default: the interval].
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    scan_timeout: Option<String>,
    /// The name of a docker-registry secret with credentials.
    #[arg(long, value_name = "NAME")]
    secret_ref: Option<String>,
}

impl RepositoryArgs {
    /// Whether the values can be read.
    pub(super) fn check(&self) -> Result<(), VerbError> {
        self.scan_timeout.as_deref().map_or(Ok(()), |text| duration("--scan-timeout", text).map(drop))
    }

    /// The ImageRepository.
    pub(super) fn made(&self, common: &mut Common, pairs: &[String]) -> Result<Made, VerbError> {
        let image = some(self.image.as_ref())
            .ok_or_else(|| VerbError::usage("an image repository (--image) is required"))?;
        parse_image(image)
            .map_err(|problem| VerbError::usage(format!("unable to parse image value: {problem}")))?;
        common.labels = labels(pairs)?;
        let mut spec = Map::new();
        spec.insert("image".to_owned(), json!(image));
        spec.insert("interval".to_owned(), json!(common.interval));
        if let Some(text) = &self.scan_timeout {
            let timeout = duration("--scan-timeout", text)?;
            if timeout.0 != 0 {
                spec.insert("timeout".to_owned(), json!(timeout));
            }
        }
        set_reference(&mut spec, "secretRef", self.secret_ref.as_ref());
        set_reference(&mut spec, "certSecretRef", self.cert_ref.as_ref());
        Ok(Made { group: GROUP, kind: "ImageRepository", noun: "ImageRepository", spec })
    }
}

/// As flux reads the name: a scheme passes, and what stands behind it is looked at by the server alone.
fn parse_image(image: &str) -> Result<(), String> {
    if image.contains("://") {
        return Ok(());
    }
    Repository::parse(image).map(drop).map_err(|problem| match image.split_once('/') {
        _ if problem.starts_with(".spec.image") => format!(
            "repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: {image}"
        ),
        _ => problem,
    })
}

/// Create or update an ImagePolicy.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    /// Its name.
    pub(super) name: Vec<String>,
    /// What of a tag is compared, by the groups of --filter-regex.
    #[arg(long, value_name = "TEMPLATE")]
    filter_extract: Option<String>,
    /// Regular expression that tags have to match.
    #[arg(long, value_name = "REGEX")]
    filter_regex: Option<String>,
    /// The name of the ImageRepository.
    #[arg(long, value_name = "NAME")]
    image_ref: Option<String>,
    /// Whether the digest is looked up: Never, IfNotPresent or Always.
    #[arg(long, value_name = "POLICY")]
    reflect_digest: Option<String>,
    /// Take the last (asc) or the first (desc) by the alphabet.
    #[arg(long, value_name = "ORDER")]
    select_alpha: Option<String>,
    /// Take the greatest (asc) or the smallest (desc) number.
    #[arg(long, value_name = "ORDER")]
    select_numeric: Option<String>,
    /// Take the highest version of a range, such as 1.x.
    #[arg(long, value_name = "RANGE")]
    select_semver: Option<String>,
}

impl PolicyArgs {
    /// The ImagePolicy.
    pub(super) fn made(
        &self,
        common: &mut Common,
        pairs: &[String],
        interval: Option<GoDuration>,
    ) -> Result<Made, VerbError> {
        if let Some(given) = self.reflect_digest.as_ref()
            && !matches!(given.as_str(), "Never" | "IfNotPresent" | "Always")
        {
            return Err(invalid("--reflect-digest", given, "must be one of Never, IfNotPresent, Always"));
        }
        let reference = some(self.image_ref.as_ref()).ok_or_else(|| {
            VerbError::usage("the name of an ImageRepository in the namespace is required (--image-ref)")
        })?;
        common.labels = labels(pairs)?;
        let mut spec = Map::new();
        spec.insert("imageRepositoryRef".to_owned(), json!({ "name": reference }));
        spec.insert("policy".to_owned(), self.policy()?);
        if let Some(filter) = self.filter()? {
            spec.insert("filterTags".to_owned(), filter);
        }
        let reflect = some(self.reflect_digest.as_ref());
        set(&mut spec, "digestReflectionPolicy", reflect);
        if let Some(interval) = interval {
            if reflect.map(String::as_str) != Some("Always") {
                return Err(VerbError::usage(
                    "the --interval flag can only be used with the 'Always' digest reflection policy, use --reflect-digest=Always",
                ));
            }
            spec.insert("interval".to_owned(), json!(interval));
        }
        Ok(Made { group: GROUP, kind: "ImagePolicy", noun: "ImagePolicy", spec })
    }

    fn policy(&self) -> Result<Value, VerbError> {
        let order = |flag: &str, order: &str| match order {
            "asc" | "desc" => Ok(json!({ "order": order })),
            _ => Err(VerbError::usage(format!("{flag} must be one of [\"asc\", \"desc\"]"))),
        };
        let (semver, alpha, numeric) = (
            some(self.select_semver.as_ref()),
            some(self.select_alpha.as_ref()),
            some(self.select_numeric.as_ref()),
        );
        match (semver, alpha, numeric) {
            (Some(range), None, None) => Ok(json!({ "semver": { "range": range } })),
            (None, Some(given), None) => Ok(json!({ "alphabetical": order("--select-alpha", given)? })),
            (None, None, Some(given)) => Ok(json!({ "numerical": order("--select-numeric", given)? })),
            (None, None, None) => Err(VerbError::usage(
                "a policy must be provided with either --select-semver or --select-alpha",
            )),
            // flux says nothing of several, and makes a policy that takes nothing.
            _ => Ok(json!({})),
        }
    }

    fn filter(&self) -> Result<Option<Value>, VerbError> {
        let extract = some(self.filter_extract.as_ref());
        let Some(pattern) = some(self.filter_regex.as_ref()) else {
            return match extract {
                Some(_) => {
                    Err(VerbError::usage("cannot specify --filter-extract without specifying --filter-regex"))
                }
                None => Ok(None),
            };
        };
        let regexp = Regexp::new(pattern)
            .map_err(|_| VerbError::usage("--filter-regex is an invalid regex pattern"))?;
        let extract = extract.map_or("", String::as_str);
        if let Some(name) = regexp.unknown_group(extract) {
            let message =
                format!("capture group ${name} used in --filter-extract not found in --filter-regex");
            return Err(VerbError::usage(message));
        }
        Ok(Some(json!({ "pattern": pattern, "extract": extract })))
    }
}

/// Create or update an ImageUpdateAutomation.
#[derive(Debug, clap::Args)]
pub(super) struct UpdateArgs {
    /// Its name.
    pub(super) name: Vec<String>,
    /// The mail address of the author of commits.
    #[arg(long, value_name = "ADDRESS")]
    author_email: Option<String>,
    /// The name of the author of commits.
    #[arg(long, value_name = "NAME")]
    author_name: Option<String>,
    /// The branch that is checked out.
    #[arg(long, value_name = "BRANCH")]
    checkout_branch: Option<String>,
    /// A template for messages of commits.
    #[arg(long, value_name = "TEMPLATE")]
    commit_template: Option<String>,
    /// The namespace of the GitRepository [default: that of the automation].
    #[arg(long, value_name = "NAMESPACE")]
    git_repo_namespace: Option<String>,
    /// The folder with the manifests that are updated [default: the repository's root].
    #[arg(long, value_name = "PATH")]
    git_repo_path: Option<String>,
    /// The name of the GitRepository.
    #[arg(long, value_name = "NAME")]
    git_repo_ref: Option<String>,
    /// The branch that is pushed [default: that which is checked out].
    #[arg(long, value_name = "BRANCH")]
    push_branch: Option<String>,
    /// The name of a secret with the key that commits are signed with.
    #[arg(long, value_name = "NAME")]
    signing_key_secret: Option<String>,
    /// The format of that key: gpg (the default) or ssh.
    #[arg(long, value_name = "FORMAT")]
    signing_key_type: Option<String>,
}

impl UpdateArgs {
    /// What commits are signed with.
    fn signing_key(&self) -> Result<Option<Value>, VerbError> {
        let kind = some(self.signing_key_type.as_ref());
        let Some(secret) = some(self.signing_key_secret.as_ref()) else {
            return match kind {
                Some(_) => Err(VerbError::usage("--signing-key-type requires --signing-key-secret")),
                None => Ok(None),
            };
        };
        let mut key = json!({ "secretRef": { "name": secret } });
        match kind.map(String::as_str) {
            None => {}
            Some(kind @ ("gpg" | "ssh")) => key["type"] = json!(kind),
            Some(_) => return Err(VerbError::usage("--signing-key-type must be one of: gpg, ssh")),
        }
        Ok(Some(key))
    }

    /// The ImageUpdateAutomation.
    pub(super) fn made(&self, common: &mut Common, pairs: &[String]) -> Result<Made, VerbError> {
        let repository = some(self.git_repo_ref.as_ref())
            .ok_or_else(|| VerbError::usage("a reference to a GitRepository is required (--git-repo-ref)"))?;
        let branch = some(self.checkout_branch.as_ref())
            .ok_or_else(|| VerbError::usage("the Git repository branch is required (--checkout-branch)"))?;
        let author = (some(self.author_name.as_ref()), some(self.author_email.as_ref()));
        let (Some(name), Some(email)) = author else {
            let missing = if author.0.is_none() {
                "the author name is required (--author-name)"
            } else {
                "the author email is required (--author-email)"
            };
            return Err(VerbError::usage(missing));
        };
        let signing_key = self.signing_key()?;
        common.labels = labels(pairs)?;
        let mut source = json!({ "kind": "GitRepository", "name": repository });
        if let Some(namespace) = some(self.git_repo_namespace.as_ref()) {
            source["namespace"] = json!(namespace);
        }
        let mut commit = json!({ "author": { "name": name, "email": email } });
        if let Some(template) = some(self.commit_template.as_ref()) {
            commit["messageTemplate"] = json!(template);
        }
        if let Some(key) = signing_key {
            commit["signingKey"] = key;
        }
        let mut git = json!({ "checkout": { "ref": { "branch": branch } }, "commit": commit });
        if let Some(branch) = some(self.push_branch.as_ref()) {
            git["push"] = json!({ "branch": branch });
        }
        let mut spec = Map::new();
        spec.insert("git".to_owned(), git);
        spec.insert("interval".to_owned(), json!(common.interval));
        spec.insert("sourceRef".to_owned(), source);
        if let Some(path) = some(self.git_repo_path.as_ref()) {
            spec.insert("update".to_owned(), json!({ "path": path, "strategy": "Setters" }));
        }
        Ok(Made { group: GROUP, kind: "ImageUpdateAutomation", noun: "ImageUpdateAutomation", spec })
    }
}
