//! `seatrial seal`: what kubeseal does, with its flags, its output and its words.
//!
//! ```text
//! Secret (stdin, --secret-file) ── seal, with a certificate ──► SealedSecret (stdout, --sealed-secret-file, --merge-into)
//! SealedSecret ── --validate, --re-encrypt: asked of the controller ── --recovery-unseal: with private keys ──► Secret
//! ```
//! The controller is reached through the API server's service proxy.
//!
//! # Differences from kubeseal
//! - An input file that is not there is an error; kubeseal says nothing.
//! - Values merged into a file must be of its scope.
//! - Keys of fewer than 2048 bits are refused; so are flags of its logging.

mod args;
mod controller;
mod input;
mod output;
mod types;

pub use args::Args;
pub use input::documents;

use crate::{Env, Screen, VerbError};
use args::Mode;
use controller::Controller;
use seatrial_seal::secret::{backup_keys, seal, unseal};
use seatrial_seal::{Certificate, Keyring, PrivateKey, Scope, SealError};
use serde_json::Value;
use std::path::Path;

/// Why it ended: kubeseal's words, behind `error: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealVerbError {
    /// What was asked for failed: exit status 1.
    #[error("{0}")]
    Failed(String),
    /// The flags, or a file that they name, are wrong: exit status 2.
    #[error("{0}")]
    Invalid(String),
    /// No cluster answers: exit status 3.
    #[error("{0}")]
    Missing(String),
    /// What all verbs have in common, in their words.
    #[error(transparent)]
    Verb(#[from] VerbError),
}

impl SealVerbError {
    /// Says on the screen what it was.
    pub fn tell(&self, screen: &mut Screen) {
        match self {
            SealVerbError::Verb(error) => error.tell(screen),
            error => screen.say(&format!("error: {error}\n")),
        }
    }
}

impl From<SealError> for SealVerbError {
    fn from(error: SealError) -> SealVerbError {
        // kubeseal says what is wrong and not what it was about.
        let text = error.to_string();
        let text = text.strip_prefix("read a key or certificate: ").unwrap_or(&text);
        SealVerbError::Failed(text.to_owned())
    }
}

fn failed(error: impl ToString) -> SealVerbError {
    SealVerbError::Failed(error.to_string())
}

fn invalid(error: impl ToString) -> SealVerbError {
    SealVerbError::Invalid(error.to_string())
}

/// Reads a file, with the words of Go where it cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SealVerbError> {
    std::fs::read(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        invalid(format!("open {}: {why}", path.display()))
    })
}

/// The private keys of files: each a key in PEM, or a backup of Secrets in YAML or JSON.
///
/// # Errors
/// Files that cannot be read, or hold no key.
pub fn private_keys(files: &[impl AsRef<Path>]) -> Result<Keyring, SealVerbError> {
    let mut ring = Keyring::new();
    for file in files {
        let (content, name) = (read(file.as_ref())?, file.as_ref().display());
        // A backup has its keys in Base64.
        if content.windows(11).any(|window| window == b"-----BEGIN ") {
            match PrivateKey::from_pem(&content) {
                Ok(key) => {
                    ring.add(key.into());
                    continue;
                }
                Err(_) if Certificate::from_pem(&content).is_ok() => {
                    return Err(invalid(format!("{name} is a certificate, and no private key")));
                }
                Err(error) if content.trim_ascii_start().starts_with(b"-----BEGIN ") => {
                    return Err(invalid(format!("{name}: {}", SealVerbError::from(error))));
                }
                Err(_) => {}
            }
        }
        let documents = input::documents(&content).map_err(|error| invalid(format!("{name}: {error}")))?;
        if documents.is_empty() {
            return Err(invalid(format!("{name} has no private key")));
        }
        for document in documents {
            let keys = backup_keys(&document);
            let keys = keys.map_err(|error| invalid(format!("{name}: {}", SealVerbError::from(error))))?;
            keys.keys().for_each(|key| ring.add(key.clone()));
        }
    }
    Ok(ring)
}

/// The certificate of a file, or of an address.
///
/// # Errors
/// It cannot be read, or is none.
pub async fn certificate(place: &str) -> Result<Certificate, SealVerbError> {
    let content = match place.starts_with("http://") || place.starts_with("https://") {
        true => controller::fetch(place).await?,
        false => read(Path::new(place))?,
    };
    Certificate::from_pem(&content).map_err(|error| invalid(SealVerbError::from(error)))
}

/// Does it.
///
/// # Errors
/// What ended it; the screen does not say it yet.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), SealVerbError> {
    args.check()?;
    match args.mode()? {
        Mode::FetchCertificate => {
            let pem = Controller::find(args, env).await?.certificate().await?;
            output::put(args.sealed_secret_file.as_deref(), screen, &String::from_utf8_lossy(&pem))
        }
        Mode::Validate => {
            let documents = input::read_documents(args, screen)?;
            documents.iter().try_for_each(is_sealed)?;
            let controller = Controller::find(args, env).await?;
            for document in documents {
                controller.verify(&document).await?;
            }
            Ok(())
        }
        Mode::ReEncrypt => {
            let documents = input::read_documents(args, screen)?;
            documents.iter().try_for_each(is_sealed)?;
            let controller = Controller::find(args, env).await?;
            let mut all = Vec::new();
            for document in documents {
                all.push(controller.rotate(&document).await?);
            }
            // As kubeseal does: what came of a file goes into it.
            let own = args.secret_file.as_deref().filter(|file| file.is_file());
            output::write(args, args.sealed_secret_file.as_deref().or(own), screen, &all)
        }
        Mode::RecoveryUnseal => {
            let keys = private_keys(&args.private_key_files())?;
            let documents = input::read_documents(args, screen)?;
            let sealed = documents.first().ok_or_else(|| invalid("there is no SealedSecret in the input"))?;
            is_sealed(sealed)?;
            let mut secret = unseal(sealed, &keys, &seatrial_engine::sealed::render_template)?;
            secret["metadata"]["creationTimestamp"] = Value::Null;
            output::write(args, args.sealed_secret_file.as_deref(), screen, &[secret])
        }
        Mode::Raw => raw(args, env, screen).await,
        Mode::Seal => sealed(args, env, screen).await,
    }
}

/// Refuses another object than a SealedSecret.
fn is_sealed(object: &Value) -> Result<(), SealVerbError> {
    match object["kind"].as_str().unwrap_or_default() {
        "SealedSecret" => Ok(()),
        kind => Err(invalid(format!("the input is a {kind}, and no SealedSecret"))),
    }
}

/// The certificate that flags say, else the controller's.
async fn wanted_certificate(args: &Args, env: &Env) -> Result<Certificate, SealVerbError> {
    let certificate = match &args.cert {
        Some(place) if !place.is_empty() => certificate(place).await?,
        _ => Certificate::from_pem(&Controller::find(args, env).await?.certificate().await?)?,
    };
    let now = env.clock.now();
    if certificate.not_after < now {
        return Err(failed(format!(
            "failed to encrypt using an expired certificate on {}",
            certificate.not_after
        )));
    }
    Ok(certificate)
}

async fn sealed(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), SealVerbError> {
    let certificate = wanted_certificate(args, env).await?;
    let merged = args.merge_into.as_deref().map(output::Merged::read).transpose()?;
    let (secrets, mut ended) = input::read_secrets(args, screen)?;
    let mut all = Vec::new();
    for secret in secrets {
        match sealed_one(args, env, secret, (&certificate, merged.as_ref())).await {
            Ok(sealed) => all.push(sealed),
            Err(error) => {
                ended = Some(error);
                break;
            }
        }
    }
    let file = args.sealed_secret_file.as_deref();
    match (merged, ended) {
        (Some(merged), None) => merged.write(args, &all),
        (None, None) => output::write(args, file, screen, &all),
        (merged, Some(error)) => {
            // As with kubeseal the good ones before it are printed, and no file is written.
            if merged.is_none() && file.is_none() {
                output::write(args, None, screen, &all)?;
            }
            Err(error)
        }
    }
}

/// Seals one Secret.
async fn sealed_one(
    args: &Args,
    env: &Env,
    mut secret: Value,
    (certificate, merged): (&Certificate, Option<&output::Merged<'_>>),
) -> Result<Value, SealVerbError> {
    if secret["kind"] != "Secret" {
        let kind = secret["kind"].as_str().unwrap_or_default();
        return Err(invalid(format!("the input is a {kind}, and no Secret")));
    }
    let empty = |field: &str| secret[field].as_object().is_none_or(|map| map.is_empty());
    if empty("data") && empty("stringData") && !args.allow_empty_data {
        return Err(invalid(
            "secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, \
             --allow-empty-data can be used",
        ));
    }
    let metadata = &mut secret["metadata"];
    if let Some(name) = args.name.as_ref().filter(|name| !name.is_empty()) {
        metadata["name"] = name.clone().into();
    }
    if let Some(merged) = merged {
        merged.rename(metadata);
    }
    if secret["metadata"]["name"].as_str().unwrap_or_default().is_empty() {
        return Err(invalid("missing metadata.name in input Secret"));
    }
    let flag = args.scope()?;
    let scope = if flag == Scope::Strict { Scope::of(&secret) } else { flag };
    let has_none = secret["metadata"]["namespace"].as_str().unwrap_or_default().is_empty();
    if has_none && scope != Scope::ClusterWide {
        secret["metadata"]["namespace"] = args.namespace(env).await?.into();
    }
    seal(&secret, &certificate.key, flag).map_err(|error| invalid(SealVerbError::from(error)))
}

async fn raw(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), SealVerbError> {
    use base64::Engine as _;
    let scope = args.scope()?;
    let namespace = match scope {
        Scope::ClusterWide => String::new(),
        _ => args.namespace(env).await?,
    };
    let name = args.name.clone().unwrap_or_default();
    if name.is_empty() && scope == Scope::Strict {
        return Err(invalid("must provide the --name flag with --raw and --scope strict"));
    }
    let files = args.value_files()?;
    let value = match files.as_slice() {
        [] => input::standard_input(screen)?,
        [(_, file)] => read(file)?,
        _ => {
            return Err(invalid(
                "must provide only one --from-file when encrypting a single item with --raw",
            ));
        }
    };
    let certificate = wanted_certificate(args, env).await?;
    let sealed = seatrial_seal::seal(&certificate.key, &value, &scope.label(&namespace, &name))?;
    let text = base64::engine::general_purpose::STANDARD.encode(sealed);
    output::put(args.sealed_secret_file.as_deref(), screen, &text)
}
