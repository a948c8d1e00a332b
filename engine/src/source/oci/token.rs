//! Registries that send their clients to a token service (Docker's token authentication), as the usual client
//! (go-containerregistry) does with them: it looks at the base, takes a token for the scope, and asks with that; where it is refused
//! it takes a new one, once.

use super::{OciAddress, OciAuth, OciError, OciManifest, OciRegistries, OciTags};
use crate::source::Secret;
use bytes::Bytes;
use futures::future::BoxFuture;
use seatrial_time::Signal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a registry sends those who ask without a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciChallenge {
    /// The address of the service: `https://ghcr.io/token`.
    pub realm: String,
    /// What the registry is called there.
    pub service: String,
}

impl OciChallenge {
    /// What a client asks for when it reads a repository.
    pub fn pull_scope(path: &str) -> String {
        format!("repository:{path}:pull")
    }

    /// Where it asks for it, as URLs write it.
    pub fn url(&self, scope: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("scope", scope)
            .append_pair("service", &self.service)
            .finish();
        format!("{}?{query}", self.realm)
    }
}

/// Registries whose tokens are taken, shown and renewed.
///
/// A token is taken where the usual client begins a connection, and serves for what follows: the further pages of a list, the
/// layers of a manifest.
pub(crate) struct Authenticating {
    registries: Arc<dyn OciRegistries>,
    /// By host and path: the last token, and the credentials that it was taken with.
    tokens: Mutex<BTreeMap<(String, String), (OciAuth, Secret)>>,
}

impl Authenticating {
    pub(crate) fn new(registries: Arc<dyn OciRegistries>) -> Authenticating {
        Authenticating { registries, tokens: Mutex::default() }
    }

    fn tokens(&self) -> MutexGuard<'_, BTreeMap<(String, String), (OciAuth, Secret)>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to ask with: a token, where the registry wants one. `begins`: not with one that was taken before.
    async fn shown(&self, at: &OciAddress, begins: bool) -> Result<OciAddress, OciError> {
        // A token of the pull secret is shown as it is.
        if matches!(at.auth, OciAuth::Bearer { .. }) {
            return Ok(at.clone());
        }
        if !begins {
            let tokens = self.tokens();
            let taken = tokens.get(&(at.host.clone(), at.path.clone()));
            if let Some((_, token)) = taken.filter(|(with, _)| *with == at.auth) {
                return Ok(bearing(at, token.clone()));
            }
        }
        match self.registries.challenge(at).await? {
            Some(challenge) => self.take(at, &challenge).await,
            None => Ok(at.clone()),
        }
    }

    /// What to ask with once more, where a token was refused.
    async fn renewed<T>(
        &self,
        at: &OciAddress,
        shown: &OciAddress,
        answer: &Result<T, OciError>,
    ) -> Result<Option<OciAddress>, OciError> {
        let refused = answer.as_ref().is_err_and(OciError::is_unauthorized);
        if !refused || shown.auth == at.auth {
            return Ok(None);
        }
        match self.registries.challenge(at).await? {
            Some(challenge) => self.take(at, &challenge).await.map(Some),
            // It wants none any more.
            None => Ok(Some(at.clone())),
        }
    }

    async fn take(&self, at: &OciAddress, challenge: &OciChallenge) -> Result<OciAddress, OciError> {
        let token = self.registries.token(at, challenge).await?;
        self.tokens().insert((at.host.clone(), at.path.clone()), (at.auth.clone(), token.clone()));
        Ok(bearing(at, token))
    }
}

fn bearing(at: &OciAddress, token: Secret) -> OciAddress {
    OciAddress { auth: OciAuth::Bearer { token }, ..at.clone() }
}

impl OciRegistries for Authenticating {
    fn tags<'a>(
        &'a self,
        at: &'a OciAddress,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OciTags, OciError>> {
        Box::pin(async move {
            let shown = self.shown(at, after.is_none()).await?;
            let answer = self.registries.tags(&shown, after).await;
            match self.renewed(at, &shown, &answer).await? {
                Some(renewed) => self.registries.tags(&renewed, after).await,
                None => answer,
            }
        })
    }

    fn manifest<'a>(
        &'a self,
        at: &'a OciAddress,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<OciManifest, OciError>> {
        Box::pin(async move {
            let shown = self.shown(at, true).await?;
            let answer = self.registries.manifest(&shown, reference).await;
            match self.renewed(at, &shown, &answer).await? {
                Some(renewed) => self.registries.manifest(&renewed, reference).await,
                None => answer,
            }
        })
    }

    fn blob<'a>(&'a self, at: &'a OciAddress, digest: &'a str) -> BoxFuture<'a, Result<Bytes, OciError>> {
        Box::pin(async move {
            let shown = self.shown(at, false).await?;
            let answer = self.registries.blob(&shown, digest).await;
            match self.renewed(at, &shown, &answer).await? {
                Some(renewed) => self.registries.blob(&renewed, digest).await,
                None => answer,
            }
        })
    }

    fn changes(&self) -> Option<Signal> {
        self.registries.changes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::oci::all_tags;
    use std::future::ready;

    /// Gives out tokens `1`, `2` and so on, with `rights` in them; the first `stale` of them it does not know any more.
    struct Guarded {
        stale: usize,
        wants_token: bool,
        said: Mutex<Vec<String>>,
    }

    impl Guarded {
        fn say(&self, what: String) {
            self.said.lock().unwrap().push(what);
        }

        fn check(&self, at: &OciAddress, what: &str) -> Result<(), OciError> {
            let shown = match &at.auth {
                OciAuth::None => "nobody".to_owned(),
                OciAuth::Basic { username, .. } => username.clone(),
                OciAuth::Bearer { token } => format!("token {}", token.0),
            };
            self.say(format!("{what} by {shown}"));
            let good = match &at.auth {
                OciAuth::Bearer { token } => token.0.parse::<usize>().is_ok_and(|n| n > self.stale),
                _ => !self.wants_token,
            };
            let refused = || OciError::Refused {
                host: at.host.clone(),
                path: what.to_owned(),
                code: "UNAUTHORIZED".to_owned(),
                message: "authentication required".to_owned(),
            };
            good.then_some(()).ok_or_else(refused)
        }
    }

    impl OciRegistries for Guarded {
        fn tags<'a>(
            &'a self,
            at: &'a OciAddress,
            after: Option<&'a str>,
        ) -> BoxFuture<'a, Result<OciTags, OciError>> {
            let page = OciTags {
                tags: vec![if after.is_none() { "1" } else { "2" }.to_owned()],
                more: after.is_none(),
            };
            Box::pin(ready(self.check(at, "tags").map(|()| page)))
        }

        fn manifest<'a>(
            &'a self,
            at: &'a OciAddress,
            _: &'a str,
        ) -> BoxFuture<'a, Result<OciManifest, OciError>> {
            let manifest = OciManifest { digest: String::new(), data: Bytes::new() };
            Box::pin(ready(self.check(at, "manifest").map(|()| manifest)))
        }

        fn blob<'a>(&'a self, at: &'a OciAddress, _: &'a str) -> BoxFuture<'a, Result<Bytes, OciError>> {
            Box::pin(ready(self.check(at, "blob").map(|()| Bytes::new())))
        }

        fn challenge<'a>(
            &'a self,
            at: &'a OciAddress,
        ) -> BoxFuture<'a, Result<Option<OciChallenge>, OciError>> {
            self.say("challenge".to_owned());
            let challenge =
                OciChallenge { realm: format!("https://{}/token", at.host), service: at.host.clone() };
            Box::pin(ready(Ok(self.wants_token.then_some(challenge))))
        }

        fn token<'a>(
            &'a self,
            at: &'a OciAddress,
            challenge: &'a OciChallenge,
        ) -> BoxFuture<'a, Result<Secret, OciError>> {
            let given = self.said.lock().unwrap().iter().filter(|said| said.starts_with("https")).count();
            self.say(challenge.url(&OciChallenge::pull_scope(&at.path)));
            Box::pin(ready(Ok(Secret((given + 1).to_string()))))
        }
    }

    const TOKEN: &str = "https://r.test/token?scope=repository%3Aa%2Fb%3Apull&service=r.test";

    #[rstest::rstest]
    #[case::none_wanted(false, 0, &["challenge", "tags by ann", "challenge", "tags by ann"], true)]
    #[case::good(true, 0, &["challenge", TOKEN, "tags by token 1", "tags by token 1"], true)]
    #[case::expired(true, 1, &["challenge", TOKEN, "tags by token 1", "challenge", TOKEN, "tags by token 2", "tags by token 2"], true)]
    #[case::never_good(true, 9, &["challenge", TOKEN, "tags by token 1", "challenge", TOKEN, "tags by token 2"], false)]
    fn a_token_is_taken_once_and_renewed_once(
        #[case] wants_token: bool,
        #[case] stale: usize,
        #[case] want: &[&str],
        #[case] good: bool,
    ) {
        let guarded = Arc::new(Guarded { stale, wants_token, said: Mutex::default() });
        let registries = Authenticating::new(guarded.clone());
        let auth = OciAuth::Basic { username: "ann".to_owned(), password: Secret("x".to_owned()) };
        let at = OciAddress { host: "r.test".to_owned(), path: "a/b".to_owned(), auth, insecure: false };
        let tags = futures::executor::block_on(all_tags(&registries, &at));
        assert_eq!(tags.is_ok(), good, "{tags:?}");
        assert_eq!(*guarded.said.lock().unwrap(), want);
    }

    #[test]
    fn a_manifest_begins_anew_and_its_layers_go_on() {
        let guarded = Arc::new(Guarded { stale: 0, wants_token: true, said: Mutex::default() });
        let registries = Authenticating::new(guarded.clone());
        let at = OciAddress { host: "r.test".to_owned(), path: "a/b".to_owned(), ..OciAddress::default() };
        let given = OciAddress { auth: OciAuth::Bearer { token: Secret("7".to_owned()) }, ..at.clone() };
        futures::executor::block_on(async {
            registries.manifest(&at, "1").await.unwrap();
            registries.blob(&at, "sha256:00").await.unwrap();
            registries.manifest(&at, "1").await.unwrap();
            registries.blob(&given, "sha256:00").await.unwrap();
        });
        let want = ["challenge", TOKEN, "manifest by token 1", "blob by token 1", "challenge", TOKEN];
        let said = guarded.said.lock().unwrap();
        assert_eq!(said[..6], want);
        assert_eq!(said[6..], ["manifest by token 2", "blob by token 7"]);
    }
}
