//! Tokens that the run gave to clusters: one that a bootstrap has replaced opens nothing any more.

use crate::bootstrap::NAMESPACE;
use crate::cluster::Handle;
use crate::forge::{DEFAULT_USER, Forge};
use seatrial_engine::Secret;
use seatrial_verbs::bootstrap::SourceSecret;

/// The token by which a cluster's source reads its repository, where the run has issued it.
///
/// # Errors
/// What the API server answered.
pub(super) async fn of_cluster(forge: &Forge, cluster: &Handle) -> kube::Result<Option<Secret>> {
    let found = cluster.objects.get("v1", "Secret", Some(NAMESPACE), NAMESPACE).await?;
    Ok(found.and_then(|found| of_secret(forge, &SourceSecret::of(&found))))
}

/// The token in a source's Secret, where the run has issued it.
pub(super) fn of_secret(forge: &Forge, secret: &SourceSecret) -> Option<Secret> {
    let token = Secret(secret.password().filter(|_| !secret.has_key())?.to_owned());
    forge.token(&token).is_ok_and(|known| known.login == DEFAULT_USER).then_some(token)
}

/// Takes back the token that a cluster had, where it has another one now, or none.
pub(super) async fn revoke_replaced(forge: &Forge, cluster: &Handle, had: Option<Secret>) {
    if let Some(had) = had {
        revoke(forge, &had, &of_cluster(forge, cluster).await);
    }
}

/// Takes back a token where the cluster has another one now, or none. One that may still be in use stays.
fn revoke(forge: &Forge, had: &Secret, has: &kube::Result<Option<Secret>>) {
    if has.as_ref().is_ok_and(|has| has.as_ref() != Some(had)) {
        forge.revoke_token(had);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::Token;
    use rstest::rstest;
    use seatrial_time::Clock;

    #[rstest]
    #[case::still_there(|had: &Secret| Ok(Some(had.clone())), true)]
    #[case::another_one(|_: &Secret| Ok(Some(Secret("other".to_owned()))), false)]
    #[case::none(|_: &Secret| Ok(None), false)]
    #[case::nobody_answers(|_: &Secret| Err(kube::Error::LinesCodecMaxLineLengthExceeded), true)]
    fn only_a_token_that_was_replaced_is_taken_back(
        #[case] has: fn(&Secret) -> kube::Result<Option<Secret>>,
        #[case] stays: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let forge = Forge::new(Clock::wall(), folder.path());
        let had = forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES).unwrap();
        revoke(&forge, &had, &has(&had));
        assert_eq!(forge.token(&had).is_ok(), stays);
    }
}
