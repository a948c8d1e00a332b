//! Steps about sealed secrets. They act from outside: over the Kubernetes API and through Git.

use super::failure::StepError;
use super::world::World;
use crate::cluster::Handle;
use crate::forge::Change;
use crate::offline::place;
use crate::plan::{Op, SealOp};
use crate::scenario::{KeyAction, Span};
use crate::sealed::KeyBackup;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::api::Patch;
use seatrial_engine::sealed::{SEALED_SECRETS_IMAGE, sealed_secrets_container};
use seatrial_seal::secret::{is_active_key, is_key, seal};
use seatrial_seal::{Certificate, SealError};
use serde_json::{Value, json};
use std::future::Future;
use std::time::Duration;

const MANAGER: &str = "kubectl";
/// How often something is looked for on a cluster that does not tell of its changes at once.
const POLL: Duration = Duration::from_millis(200);

/// Plays a step; the result is what a report says about it.
pub(super) async fn play(world: &mut World, line: u32, op: &Op) -> Result<Vec<String>, StepError> {
    match op {
        Op::Seal(op) => seal_step(world, line, op).await,
        Op::SealingKeys { cluster, action, backup, within } => {
            keys_step(world, cluster, *action, backup, *within).await
        }
        _ => Ok(Vec::new()),
    }
}

async fn seal_step(world: &mut World, line: u32, op: &SealOp) -> Result<Vec<String>, StepError> {
    let cluster = world.cluster(&op.cluster)?;
    let certificate = until(cluster, op.within, || async {
        newest(&keys(cluster).await?)
            .map(|(certificate, _)| certificate)
            .ok_or_else(|| "no sealed-secrets controller has a key there".to_owned())
    });
    let certificate = certificate
        .await
        .map_err(|message| StepError::Api { action: format!("seal for {}", op.cluster), message })?;
    let failed = |error: SealError| StepError::Api { action: "seal".to_owned(), message: error.to_string() };
    let sealed = seal(&op.secret, &certificate.key, op.scope).map_err(failed)?;
    let text = seatrial_yaml::emit_json(&sealed).map_err(|error| StepError::Api {
        action: "write the SealedSecret".to_owned(),
        message: error.to_string(),
    })?;
    let mut facts = Vec::new();
    if cluster.keys.are_test_keys() {
        facts.push("with a public test key".to_owned());
    }
    let repo = world.repo(&op.repo)?;
    let id = repo.commit(&op.branch, &Change::new(&op.message).write(op.to.clone(), text.as_bytes()))?;
    world.sealed.insert(op.repo.clone());
    facts.insert(0, world.made(line, &repo, &op.branch, id, op.alias.as_ref())?);
    Ok(facts)
}

async fn keys_step(
    world: &mut World,
    name: &str,
    action: KeyAction,
    backup: &str,
    within: Duration,
) -> Result<Vec<String>, StepError> {
    let cluster = world.cluster(name)?;
    let told =
        |action: &str, message: String| StepError::Api { action: format!("{action} of {name}"), message };
    match action {
        KeyAction::Backup => {
            let what = "back up the sealing keys";
            let kept = keys(cluster).await.map_err(|message| told(what, message))?;
            if kept.is_empty() {
                return Err(told(what, "there are none".to_owned()));
            }
            let fact = counted(kept.len());
            world.backups.insert(backup.to_owned(), KeyBackup::of(kept));
            Ok(vec![fact])
        }
        KeyAction::Rotate => {
            let what = "rotate the sealing keys";
            let failed = |message| told(what, message);
            let before = newest(&keys(cluster).await.map_err(failed)?).map(|(_, made)| made);
            // Times of keys are whole seconds: one of this second is to be too old as well.
            let now = world.clock.now();
            let next = now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(now);
            let cutoff = jiff::fmt::rfc2822::to_string(&next.to_zoned(jiff::tz::TimeZone::UTC))
                .map_err(|error| failed(error.to_string()))?;
            until(cluster, within, || async {
                let made = newest(&keys(cluster).await?).map(|(_, made)| made);
                if made > before {
                    return Ok(());
                }
                // Flux may have taken the flag away before a pod had it.
                set_cutoff(cluster, &format!("--key-cutoff-time={cutoff}")).await?;
                Err("there is no newer key".to_owned())
            })
            .await
            .map_err(failed)?;
            let count = keys(cluster).await.map_err(failed)?.len();
            Ok(vec![counted(count)])
        }
        KeyAction::Lose => {
            let what = "lose the sealing keys";
            let lost = keys(cluster).await.map_err(|message| told(what, message))?;
            // Elsewhere they may be all there is of the keys of a cluster that others need.
            let backups = || world.backups.values().flat_map(KeyBackup::secrets);
            if cluster.simulated.is_none()
                && let Some(secret) = unkept(&lost, backups)
            {
                let message = format!(
                    "the key {} is in no backup that a step of this run has made: this is no simulated cluster",
                    place(secret).1
                );
                return Err(told(what, message));
            }
            for secret in &lost {
                let (namespace, name) = place(secret);
                let deleted = cluster.objects.delete("v1", "Secret", Some(namespace), name);
                deleted.await.map_err(|error| StepError::api(what, &error))?;
            }
            restart(cluster).await.map_err(|message| told(what, message))?;
            Ok(vec![counted(lost.len())])
        }
        KeyAction::Restore => {
            let what = "restore the sealing keys";
            let kept = world.backups.get(backup);
            let kept = kept.ok_or_else(|| told(what, format!("no step has made the backup {backup:?}")))?;
            kept.restore(cluster).await.map_err(|error| StepError::api(what, &error))?;
            restart(cluster).await.map_err(|message| told(what, message))?;
            Ok(vec![counted(kept.secrets().len())])
        }
    }
}

fn counted(count: usize) -> String {
    format!("{count} key{}", if count == 1 { "" } else { "s" })
}

/// The first of these Secrets that no backup has.
fn unkept<'k, 'b, B: Iterator<Item = &'b Value>>(
    lost: &'k [Value],
    backups: impl Fn() -> B,
) -> Option<&'k Value> {
    let is_kept =
        |secret: &Value| backups().any(|kept| place(kept) == place(secret) && kept["data"] == secret["data"]);
    lost.iter().find(|secret| !is_kept(secret))
}

/// All key Secrets in the namespace of the cluster's controller.
async fn keys(cluster: &Handle) -> Result<Vec<Value>, String> {
    let controller = controller(cluster).await?;
    let all = cluster.objects.list("v1", "Secret", Some(place(&controller).0)).await;
    let all = all.map_err(|error| crate::cluster::words(&error))?;
    let own = |mut secret: Value| {
        secret["apiVersion"] = "v1".into();
        secret["kind"] = "Secret".into();
        is_key(&secret).then_some(secret)
    };
    Ok(all.into_iter().filter_map(own).collect())
}

/// The certificate of the newest key in use, and when it began to be good.
fn newest(keys: &[Value]) -> Option<(Certificate, Timestamp)> {
    let certificates = keys.iter().filter(|key| is_active_key(key)).filter_map(|key| {
        let pem = STANDARD.decode(key["data"]["tls.crt"].as_str()?).ok()?;
        Certificate::from_pem(&pem).ok()
    });
    let newest = certificates.max_by_key(|certificate| certificate.not_before)?;
    let made = newest.not_before;
    Some((newest, made))
}

/// The Deployment of the cluster's controller.
async fn controller(cluster: &Handle) -> Result<Value, String> {
    let all = cluster.objects.list("apps/v1", "Deployment", None).await;
    let all = all.map_err(|error| crate::cluster::words(&error))?;
    let is_controller =
        |deployment: &Value| sealed_secrets_container(&deployment["spec"]["template"]["spec"]).is_some();
    let found = all.into_iter().find(is_controller);
    found.ok_or_else(|| format!("there is no Deployment with the image {SEALED_SECRETS_IMAGE}"))
}

/// Has the controller's container begin with this flag, unless it does.
async fn set_cutoff(cluster: &Handle, flag: &str) -> Result<(), String> {
    let controller = controller(cluster).await?;
    let container = sealed_secrets_container(&controller["spec"]["template"]["spec"]).unwrap_or(&Value::Null);
    let mut arguments = container["args"].as_array().cloned().unwrap_or_default();
    if arguments.iter().any(|argument| argument == flag) {
        return Ok(());
    }
    arguments.retain(|argument| argument.as_str().is_none_or(|text| !text.starts_with("--key-cutoff-time")));
    arguments.push(flag.into());
    let changed = json!({ "name": container["name"], "args": arguments });
    let patch = Patch::Strategic(json!({ "spec": { "template": { "spec": { "containers": [changed] } } } }));
    let (namespace, name) = place(&controller);
    let patched = cluster.objects.patch("apps/v1", "Deployment", Some(namespace), name, MANAGER, &patch);
    patched.await.map(drop).map_err(|error| crate::cluster::words(&error))
}

/// Deletes the pods of the controller, whose Deployment makes others.
async fn restart(cluster: &Handle) -> Result<(), String> {
    let controller = controller(cluster).await?;
    let (namespace, name) = place(&controller);
    let words = |error: kube::Error| crate::cluster::words(&error);
    let pods = cluster.objects.list("v1", "Pod", Some(namespace)).await.map_err(words)?;
    let is_own = |pod: &&Value| {
        let owners = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        let of = |owner: &Value| {
            owner["name"].as_str().and_then(|set| set.rsplit_once('-')).is_some_and(|(of, _)| of == name)
        };
        owners.into_iter().any(of)
    };
    for pod in pods.iter().filter(is_own) {
        let (namespace, name) = place(pod);
        cluster.objects.delete("v1", "Pod", Some(namespace), name).await.map_err(words)?;
    }
    Ok(())
}

/// Looks until there is something, at most for `limit`.
async fn until<T, F: Future<Output = Result<T, String>>>(
    cluster: &Handle,
    limit: Duration,
    look: impl Fn() -> F,
) -> Result<T, String> {
    let clock = &cluster.clock;
    let deadline = clock.now().checked_add(limit).unwrap_or(Timestamp::MAX);
    loop {
        let stamp = cluster.changes.stamp();
        let complaint = match look().await {
            Ok(found) => return Ok(found),
            Err(complaint) => complaint,
        };
        let left = crate::report::elapsed(clock.now(), deadline);
        let wait = if cluster.immediate { left } else { left.min(POLL) };
        if left.is_zero() {
            return Err(format!("not within {}: {complaint}", Span(limit)));
        }
        let _ = clock.timeout(wait, cluster.changes.changed(&stamp)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, value: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "kube-system"}, "data": {"tls.key": value}})
    }

    #[test]
    fn keys_are_kept_where_a_backup_has_them_as_they_are() {
        let lost = [key("a", "1"), key("b", "2")];
        let missing = |backups: &[Value]| unkept(&lost, || backups.iter()).map(|secret| place(secret).1);
        assert_eq!(missing(&[]), Some("a"));
        assert_eq!(missing(&[key("a", "1")]), Some("b"));
        assert_eq!(missing(&[key("a", "1"), key("b", "other")]), Some("b"));
        assert_eq!(missing(&[key("b", "2"), key("a", "1")]), None);
    }
}
