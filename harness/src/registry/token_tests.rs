//! Repositories that a token service guards, in process: for Flux, and for nodes.

use super::tests::{basic, node_pulls, pull_secret, under_rule};
#[cfg(feature = "serve")]
use super::{Asker, RepositoryName, Scope, Way};
use super::{Registry, Rule};
use crate::scenario::{Span, TokenAction, TokenUserSpec, TokensSpec};
use rstest::rstest;
use seatrial_engine::{OciAddress, OciAuth, OciRegistries, Secret};
use seatrial_time::Clock;
use serde_json::json;
use std::time::Duration;

fn guarded(registry: &Registry, clock: &Clock, anonymous: &[TokenAction]) {
    let user = |actions: &[TokenAction]| TokenUserSpec {
        password: "new".to_owned(),
        actions: Some(actions.to_vec()),
    };
    let users = [("ann", user(&[TokenAction::Pull])), ("ci", user(&[TokenAction::Push]))];
    let tokens = TokensSpec {
        expires_after: Some(Span(Duration::from_secs(60))),
        anonymous: anonymous.to_vec(),
        users: users.map(|(name, user)| (name.to_owned(), user)).into(),
    };
    registry.guard("btoll/debug", &tokens, clock).unwrap();
}

fn user(username: &str, password: &str) -> OciAuth {
    OciAuth::Basic { username: username.to_owned(), password: Secret(password.to_owned()) }
}

fn at(auth: OciAuth) -> OciAddress {
    OciAddress { host: "index.docker.io".to_owned(), path: "btoll/debug".to_owned(), insecure: false, auth }
}

/// Asks as a client does: for a challenge, for a token, for the tags.
async fn asks(registry: &Registry, auth: OciAuth) -> Result<usize, String> {
    let at = at(auth);
    let challenge = OciRegistries::challenge(registry, &at).await.unwrap().unwrap();
    let token = OciRegistries::token(registry, &at, &challenge).await.map_err(|error| error.to_string())?;
    shows(registry, token).await
}

async fn shows(registry: &Registry, token: Secret) -> Result<usize, String> {
    let tags = OciRegistries::tags(registry, &at(OciAuth::Bearer { token }), None).await;
    tags.map(|page| page.tags.len()).map_err(|error| error.to_string())
}

const LIST: &str = "GET https://index.docker.io/v2/btoll/debug/tags/list?n=1000: UNAUTHORIZED: authentication required; \
                    [map[Action:pull Class: Name:btoll/debug Type:repository]]";
const WRONG: &str = "GET https://auth.docker.io/token?scope=repository%3Abtoll%2Fdebug%3Apull&service=registry.docker.io: \
                     UNAUTHORIZED: authentication required: the credentials are wrong or have expired";

#[rstest]
#[case::reader(user("ann", "new"), &[], Ok(2))]
#[case::wrong_password(user("ann", "old"), &[], Err(WRONG))]
#[case::wrong_password_of_what_is_public(user("ann", "old"), &[TokenAction::Pull], Err(WRONG))]
#[case::nobody_knows(user("bob", "new"), &[], Err(WRONG))]
#[case::writer(user("ci", "new"), &[], Err(LIST))]
#[case::writer_of_what_is_public(user("ci", "new"), &[TokenAction::Pull], Ok(2))]
#[case::anonymous(OciAuth::None, &[], Err(LIST))]
#[case::anonymous_of_what_is_public(OciAuth::None, &[TokenAction::Pull], Ok(2))]
fn a_token_is_good_for_what_its_credentials_allow(
    #[case] auth: OciAuth,
    #[case] anonymous: &'static [TokenAction],
    #[case] want: Result<usize, &'static str>,
) {
    under_rule(async move |registry, clock| {
        guarded(&registry, &clock, anonymous);
        assert_eq!(asks(&registry, auth).await, want.map_err(str::to_owned));
    });
}

#[test]
fn without_a_token_nobody_is_let_in() {
    under_rule(async |registry, clock| {
        guarded(&registry, &clock, &[TokenAction::Pull]);
        for auth in [OciAuth::None, user("ann", "new"), OciAuth::Bearer { token: Secret("new".to_owned()) }] {
            let told = OciRegistries::tags(&registry, &at(auth), None).await.unwrap_err().to_string();
            assert_eq!(told, LIST);
        }
        let other = OciAddress { path: "btoll/other".to_owned(), ..at(OciAuth::None) };
        assert_eq!(OciRegistries::challenge(&registry, &other).await, Ok(None));
    });
}

#[test]
fn a_token_expires_by_the_clock_of_the_run() {
    under_rule(async |registry, clock| {
        guarded(&registry, &clock, &[]);
        let at = at(user("ann", "new"));
        let challenge = OciRegistries::challenge(&registry, &at).await.unwrap().unwrap();
        let token = OciRegistries::token(&registry, &at, &challenge).await.unwrap();
        assert_eq!(shows(&registry, token.clone()).await, Ok(2));
        clock.sleep(Duration::from_secs(59)).await;
        assert_eq!(shows(&registry, token.clone()).await, Ok(2));
        clock.sleep(Duration::from_secs(1)).await;
        assert_eq!(shows(&registry, token).await, Err(LIST.to_owned()));
    });
}

#[test]
fn the_login_of_a_rule_is_what_the_service_takes() {
    under_rule(async |registry, clock| {
        guarded(&registry, &clock, &[TokenAction::Pull]);
        let login = basic("tuesday");
        let login_ends = Some(Duration::from_secs(90));
        registry.set_rule("btoll/debug", Rule { login, login_ends, ..Rule::default() }, &clock).unwrap();
        assert_eq!(asks(&registry, user("ann", "new")).await, Err(WRONG.to_owned()));
        assert_eq!(asks(&registry, OciAuth::None).await, Err(LIST.to_owned()));
        assert_eq!(asks(&registry, basic("tuesday")).await, Ok(2));
        clock.sleep(Duration::from_secs(90)).await;
        assert_eq!(asks(&registry, basic("tuesday")).await, Err(WRONG.to_owned()));
        registry.set_rule("btoll/debug", Rule::default(), &clock).unwrap();
        assert_eq!(asks(&registry, user("ann", "new")).await, Ok(2));
    });
}

#[test]
fn nodes_take_tokens_with_the_pods_secrets() {
    under_rule(async |registry, clock| {
        guarded(&registry, &clock, &[]);
        let head = "failed to pull and unpack image \"docker.io/btoll/debug:1.0.0\": \
                    failed to resolve reference \"docker.io/btoll/debug:1.0.0\": ";
        let secret = |username: &str, password: &str| {
            vec![pull_secret(&json!({ "username": username, "password": password }))]
        };
        let scope = "pull access denied, repository does not exist or may require authorization: \
                     server message: insufficient_scope: authorization failed";
        let wrong = "failed to authorize: failed to fetch oauth token: unexpected status from GET request to \
                     https://auth.docker.io/token?scope=repository%3Abtoll%2Fdebug%3Apull&service=registry.docker.io: \
                     401 Unauthorized";
        let expired = "pull access denied, repository does not exist or may require authorization: \
                       server message: invalid_token: authorization failed";
        let cases = [
            (secret("ann", "new"), false, None),
            (secret("ann", "old"), false, Some(wrong)),
            (secret("ci", "new"), false, Some(scope)),
            (vec![], false, Some(scope)),
            (secret("ann", "new"), true, Some(expired)),
        ];
        for (secrets, expired_tokens, want) in cases {
            registry.set_rule("btoll/debug", Rule { expired_tokens, ..Rule::default() }, &clock).unwrap();
            let pulled = node_pulls(&registry, "btoll/debug:1.0.0", &secrets);
            assert_eq!(pulled.result.map(drop), want.map_or(Ok(()), |why| Err(format!("{head}{why}"))));
        }
    });
}

#[test]
fn a_token_is_not_shown() {
    under_rule(async |registry, clock| {
        guarded(&registry, &clock, &[]);
        assert_eq!(asks(&registry, user("ann", "new")).await, Ok(2));
        let shown = format!("{registry:?}");
        for secret in ["\"new\"", "inside-"] {
            assert!(!shown.contains(secret), "{secret}");
        }
    });
}

const OWN: &str = "127.0.0.1:5000";

fn at_host(host: &str, auth: OciAuth) -> OciAddress {
    OciAddress { host: host.to_owned(), ..at(auth) }
}

/// What the service of a registry says to these credentials, where it gives no token.
async fn takes(registry: &Registry, at: &OciAddress) -> Result<(), String> {
    let challenge = OciRegistries::challenge(registry, at).await.unwrap().unwrap();
    let token = OciRegistries::token(registry, at, &challenge).await;
    token.map(drop).map_err(|error| error.to_string())
}

#[test]
fn credentials_count_at_their_own_registry_alone() {
    under_rule(async |registry, clock| {
        registry.serve_as(OWN);
        guarded(&registry, &clock, &[]);
        registry.create("ghcr.io/btoll/debug", ["1"]).unwrap();
        let bob = TokenUserSpec { password: "new".to_owned(), actions: None };
        let tokens = TokensSpec { users: [("bob".to_owned(), bob)].into(), ..TokensSpec::default() };
        registry.guard("ghcr.io/btoll/debug", &tokens, &clock).unwrap();
        let (ann, bob) = (user("ann", "new"), user("bob", "new"));
        for (host, auth, known) in [
            ("index.docker.io", &ann, true),
            ("index.docker.io", &bob, false),
            ("ghcr.io", &bob, true),
            ("ghcr.io", &ann, false),
            // Here all of them are served.
            (OWN, &ann, true),
            (OWN, &bob, true),
            (OWN, &user("bob", "old"), false),
        ] {
            let taken = takes(&registry, &at_host(host, auth.clone())).await;
            assert_eq!(taken.is_ok(), known, "{host}, {auth:?}: {taken:?}");
        }
    });
}

#[rstest]
#[case::docker_hub("index.docker.io", "auth.docker.io", "registry.docker.io")]
#[case::the_registrys_own_address(OWN, OWN, OWN)]
fn the_service_is_that_of_the_registry_that_is_asked(
    #[case] host: &'static str,
    #[case] service_host: &'static str,
    #[case] service: &'static str,
) {
    under_rule(async move |registry, clock| {
        registry.serve_as(OWN);
        guarded(&registry, &clock, &[]);
        let challenge = OciRegistries::challenge(&registry, &at_host(host, OciAuth::None)).await;
        let challenge = challenge.unwrap().unwrap();
        assert_eq!(challenge.realm, format!("https://{service_host}/token"));
        assert_eq!(challenge.service, service);
    });
}

#[cfg(feature = "serve")]
#[test]
fn two_names_of_one_repository_get_what_both_ask_for() {
    under_rule(async |registry, clock| {
        registry.serve_as(OWN);
        guarded(&registry, &clock, &[TokenAction::Pull]);
        let name = |text: &str| RepositoryName::parse(text).unwrap();
        let scope = Scope {
            repositories: [
                (name("127.0.0.1:5000/btoll/debug"), [TokenAction::Pull].into()),
                (name("btoll/debug"), [TokenAction::Push].into()),
            ]
            .into(),
            catalog: false,
        };
        let auth = user("ci", "new");
        let given = registry.give("t", &scope, Asker { auth: &auth, is_run: false, way: Way::Http }).unwrap();
        let both = [TokenAction::Pull, TokenAction::Push].into();
        assert_eq!(given.scope, [(name("btoll/debug"), both)]);
    });
}

#[cfg(feature = "serve")]
#[test]
fn a_token_that_gets_others_is_forgotten_in_the_end() {
    under_rule(async |registry, clock| {
        guarded(&registry, &clock, &[]);
        let auth = user("ann", "new");
        registry.refresh_by("first", &auth);
        clock.sleep(Duration::from_secs(29 * 86_400)).await;
        assert_eq!(registry.refreshing("first"), Some(auth.clone()));
        registry.refresh_by("second", &auth);
        clock.sleep(Duration::from_secs(86_400)).await;
        assert_eq!(registry.refreshing("first"), None);
        assert_eq!(registry.refreshing("second"), Some(auth.clone()));
        for number in 0..1000 {
            registry.refresh_by(&number.to_string(), &auth);
        }
        assert_eq!(registry.refreshing("second"), None);
        assert_eq!(registry.refreshing("0"), Some(auth));
    });
}
