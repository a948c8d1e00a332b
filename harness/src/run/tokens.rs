//! Tokens that the run gave to clusters: one that a bootstrap has replaced opens nothing any more.

use crate::bootstrap::NAMESPACE;
use crate::cluster::Handle;
use crate::forge::{DEFAULT_USER, Forge};
use seatrial_engine::Secret;
use seatrial_verbs::bootstrap::SourceSecret;

/// The token by which a cluster's source reads its repository, where the run has issued it.
pub(super) async fn of_cluster(forge: &Forge, cluster: &Handle) -> Option<Secret> {
    let found = cluster.objects.get("v1", "Secret", Some(NAMESPACE), NAMESPACE).await.ok()??;
    of_secret(forge, &SourceSecret::of(&found))
}

/// The token in a source's Secret, where the run has issued it.
pub(super) fn of_secret(forge: &Forge, secret: &SourceSecret) -> Option<Secret> {
    let token = Secret(secret.password().filter(|_| !secret.has_key())?.to_owned());
    forge.token(&token).is_ok_and(|known| known.login == DEFAULT_USER).then_some(token)
}

/// Takes back the token that a cluster had, where it has another one now, or none.
pub(super) async fn revoke_replaced(forge: &Forge, cluster: &Handle, had: Option<Secret>) {
    if let Some(had) = had
        && of_cluster(forge, cluster).await.as_ref() != Some(&had)
    {
        forge.revoke_token(&had);
    }
}
