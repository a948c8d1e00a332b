//! `diff kustomization`: what local files would change in a cluster.
//!
//! Each object is applied by a dry run on the server. Nothing is written.

use crate::kustomization::input::{Files, Input, Shown, get, is_other_kustomization};
use crate::kustomization::report;
use crate::wait::DEADLINE;
use crate::{Env, Global, Screen, Session, VerbError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use seatrial_engine::ObjectRef;
use seatrial_engine::local::{Drift, Ignored, SOPS_MASK, drift, managed};
use serde_json::Value;
use std::path::Path;
use std::pin::Pin;

/// Show what local files would change in a cluster.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    /// Of which.
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    global: Global,
}

/// What is compared.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Show what a Kustomization would change. Exit status: 0 no differences, 1 differences, more where it failed.
    #[command(visible_alias = "ks")]
    Kustomization(Kustomization),
}

/// Which Kustomization, of which files.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Kustomization {
    /// Its name.
    name: Option<String>,
    /// Take the Kustomization of --kustomization-file where the cluster has none.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    ignore_not_found: Option<String>,
    /// Only false: no progress bar is drawn.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    progress_bar: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// Prints the differences.
///
/// # Errors
/// [`VerbError::Differs`] where there are any; see [`VerbError`].
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let What::Kustomization(wanted) = &args.what;
    let switch = |flag, value: &Option<String>| crate::flags::switch(flag, value.as_deref());
    if switch("--progress-bar", &wanted.progress_bar)? {
        return Err(VerbError::unsupported("--progress-bar=true", "no progress bar is drawn"));
    }
    let assume_new = switch("--ignore-not-found", &wanted.ignore_not_found)?;
    let input = wanted.files.read(wanted.name.as_deref())?;
    let session = Session::open(env, &args.global).await?;
    let work = async {
        input.check_folder(Shown::Given)?;
        let kustomization = input.kustomization(&session, assume_new).await?;
        let mut diff = Diff { input: &input, session: &session, text: String::new(), depth: 0 };
        let result = diff.kustomization(kustomization, &input.folder).await;
        Ok((diff.text, result))
    };
    let done = env.clock.timeout(args.global.timeout()?, work).await;
    let done = done.unwrap_or_else(|_| Err(VerbError::failed(DEADLINE)));
    let (text, result) = done.map_err(above_one)?;
    screen.print(&text);
    match result.map_err(above_one)? {
        true => Err(VerbError::Differs(
            "identified at least one change, exiting with non-zero exit code".to_owned(),
        )),
        false => Ok(()),
    }
}

/// Exit status 1 says that there are differences: what failed has another.
fn above_one(error: VerbError) -> VerbError {
    match error {
        VerbError::Failed(message) => VerbError::Usage(message),
        other => other,
    }
}

/// Kustomizations that build each other end here.
const MAX_DEPTH: usize = 100;

struct Diff<'a> {
    input: &'a Input,
    session: &'a Session,
    text: String,
    depth: usize,
}

type Changed<'a> = Pin<Box<dyn Future<Output = Result<bool, VerbError>> + 'a>>;

impl Diff<'_> {
    /// Compares all of one Kustomization; tells whether anything differs.
    fn kustomization<'a>(&'a mut self, own: Value, folder: &'a Path) -> Changed<'a> {
        Box::pin(async move {
            let objects = self.input.objects(&own, folder, Some(self.session)).await?;
            let ignored = Ignored::of(&own).map_err(VerbError::Failed)?;
            let (mut differs, mut errors) = (false, Vec::new());
            for object in &objects {
                match drift(self.session.client(), object, &ignored).await {
                    Err(error) => errors.push(without_values(object, error)),
                    Ok(found) => differs |= self.tell(object, found),
                }
                if self.input.recursive && is_other_kustomization(object, &own) {
                    differs |= self.nested(object).await?;
                }
            }
            match errors.as_slice() {
                [] => {}
                [error] => return Err(VerbError::Failed(error.clone())),
                several => return Err(VerbError::Failed(format!("[{}]", several.join(", ")))),
            }
            let stays = |who: &ObjectRef| {
                objects
                    .iter()
                    .map(ObjectRef::of)
                    .any(|new| ObjectRef { version: who.version.clone(), ..new } == *who)
            };
            if own["spec"]["prune"] == true {
                for who in managed(&own).iter().filter(|who| !stays(who)) {
                    self.text.push_str(&format!("► {who} deleted\n"));
                    differs = true;
                }
            }
            Ok(differs)
        })
    }

    fn tell(&mut self, object: &Value, found: Drift) -> bool {
        let who = ObjectRef::of(object);
        match found {
            Drift::None => return false,
            Drift::Created => self.text.push_str(&format!("► {who} created\n")),
            Drift::Changed(live, planned) => {
                let (mut from, mut to) = (shown(&live), shown(&planned));
                let is_secret = who.kind == "Secret" && who.group.is_empty();
                if is_secret && is_encrypted(object) {
                    // What the values are is in nobody's hands: the keys alone are compared.
                    if keys(&from) == keys(&to) {
                        return false;
                    }
                    cover(&mut from);
                    cover(&mut to);
                } else if is_secret {
                    mask(&mut from, &mut to);
                } else if object.get("sops").is_some() {
                    cover_encrypted(object, &mut from);
                    cover_encrypted(object, &mut to);
                }
                self.text.push_str(&format!("► {who} drifted\n{}", report(&from, &to)));
            }
        }
        true
    }

    /// A Kustomization among the objects, of its own files.
    async fn nested(&mut self, object: &Value) -> Result<bool, VerbError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(VerbError::Failed(format!("Kustomizations build each other, {MAX_DEPTH} deep")));
        }
        let folder = self.input.source_folder(object)?;
        let who = ObjectRef::of(object);
        let mut own = object.clone();
        match get(self.session, &who.namespace, &who.name).await {
            Ok(live) => own["status"] = live["status"].clone(),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        let before = std::mem::take(&mut self.text);
        let result = self.kustomization(own, &folder).await;
        let inner = std::mem::replace(&mut self.text, before);
        self.depth -= 1;
        if *result.as_ref().unwrap_or(&true) {
            self.text.push_str(&format!("📁 {who} changed\n{inner}"));
        }
        result
    }
}

/// What of an object is compared.
fn shown(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
    object
}

/// Hides the values of a Secret, and shows which of them change.
fn mask(from: &mut Value, to: &mut Value) {
    for field in ["data", "stringData"] {
        let before = from[field].as_object().cloned().unwrap_or_default();
        let after = to[field].as_object().cloned().unwrap_or_default();
        let hide = |object: &mut Value, other: &serde_json::Map<String, Value>, changed: &str| {
            for (key, value) in object[field].as_object_mut().into_iter().flatten() {
                let differs = other.get(key).is_some_and(|other| other != value);
                *value = if differs { changed } else { "***" }.into();
            }
        };
        if from[field].is_object() {
            hide(from, &after, "*** (before)");
        }
        if to[field].is_object() {
            hide(to, &before, "*** (after)");
        }
    }
}

/// Whether something in a Secret stands for what SOPS encrypted.
fn is_encrypted(secret: &Value) -> bool {
    let covered = STANDARD.encode(SOPS_MASK);
    let has = |field: &str, mask: &str| {
        secret[field].as_object().is_some_and(|data| data.values().any(|value| value == mask))
    };
    has("data", &covered) || has("stringData", SOPS_MASK)
}

/// The keys of a Secret of the cluster.
fn keys(secret: &Value) -> Vec<&String> {
    secret["data"].as_object().map(|data| data.keys().collect()).unwrap_or_default()
}

/// Covers all values of a Secret of the cluster alike.
fn cover(secret: &mut Value) {
    for value in secret["data"].as_object_mut().into_iter().flat_map(|data| data.values_mut()) {
        *value = "*****".into();
    }
}

/// Covers what SOPS encrypted in an object that is no Secret: the cluster has it in plain text.
fn cover_encrypted(built: &Value, shown: &mut Value) {
    match built {
        Value::String(text) if text.starts_with("ENC[") => *shown = SOPS_MASK.into(),
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(shown) = shown.get_mut(key) {
                    cover_encrypted(value, shown);
                }
            }
        }
        Value::Array(list) => {
            for (value, shown) in list.iter().zip(shown.as_array_mut().into_iter().flatten()) {
                cover_encrypted(value, shown);
            }
        }
        _ => {}
    }
}

/// A refusal, without what a Secret was refused for: the API server shows the value.
fn without_values(object: &Value, error: String) -> String {
    if object["kind"] != "Secret" || object["apiVersion"] != "v1" {
        return error;
    }
    let failed = error.find("dry-run failed").unwrap_or_default();
    match error[failed..].find(": ") {
        Some(at) => format!("{}: <redacted, since it is about a Secret>", &error[..failed + at]),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_sops_encrypted_is_covered_in_objects_of_all_kinds() {
        let built = json!({"spec": {"host": "a", "password": "ENC[1]", "list": [{"token": "ENC[2]"}, "b"], "gone": "ENC[3]"}});
        let mut live =
            json!({"spec": {"host": "c", "password": "hunter2", "list": [{"token": "t0"}, "b", "more"]}});
        cover_encrypted(&built, &mut live);
        let want = json!({"spec": {"host": "c", "password": SOPS_MASK, "list": [{"token": SOPS_MASK}, "b", "more"]}});
        assert_eq!(live, want);
    }
}
