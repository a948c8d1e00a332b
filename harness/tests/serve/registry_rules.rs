//! Rules of the registry, as clients over HTTP meet them.
#![allow(clippy::disallowed_methods, reason = "a test of servers waits on the wall clock")]

use crate::client::{Answer, Client};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use seatrial_harness::plan::plan;
use seatrial_harness::registry::Digest;
use seatrial_harness::scenario::parse_text;
use seatrial_harness::serve::{Up, UpOptions, UpSource};
use seatrial_time::Clock;
use std::path::Path;
use std::time::{Duration, Instant};

/// Serves the registry of a scenario whose first steps are these, with its HTTP address and the token.
fn play<F: Future<Output = ()>>(steps: &str, test: impl FnOnce(String, String) -> F) {
    let text = format!(
        "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: rules}}\nspec:\n  \
         clusters: {{beta: {{}}}}\n  registry:\n    shop/web:\n    - '1'\n    - {{tag: '2', digest: {GIVEN}, \
         labels: {{team: web}}, created: '2024-05-01T12:00:00Z'}}\n    shop/other: ['1']\n  \
         steps:\n{steps}  - advance: 1m\n"
    );
    let located = parse_text(Path::new("rules.yaml"), &text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let source = UpSource::Scenario(Box::new(plan(&located[0])));
        let options = UpOptions { source, bootstrap: true, ..UpOptions::default() };
        let up = Up::start(&Clock::wall(), &options, folder.path()).await.unwrap();
        let token = std::fs::read_to_string(&up.ready().registry.token_file).unwrap();
        let http = up.ready().registry.http.clone();
        test(http, token.trim_end().to_owned()).await;
    });
}

const GIVEN: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn bearer(http: &str, token: &str) -> Client {
    Client::http(http).with("authorization", &format!("Bearer {token}"))
}

fn basic(http: &str, user: &str, password: &str) -> Client {
    let pair = STANDARD.encode(format!("{user}:{password}"));
    Client::http(http).with("authorization", &format!("Basic {pair}"))
}

fn code(answer: &Answer) -> String {
    answer.json()["errors"][0]["code"].as_str().unwrap().to_owned()
}

#[test]
fn too_many_requests_say_when_to_come_back() {
    let rule = "  - setRegistry: {repository: shop/web, fault: {status: 429, times: 2, retryAfter: 2s}}\n";
    play(rule, async |http, token| {
        let client = bearer(&http, &token);
        let first = client.get("/v2/shop/web/tags/list").await;
        assert_eq!((first.status, first.header("retry-after")), (429, "2"));
        assert_eq!(code(&first), "TOOMANYREQUESTS");
        let head = client.send("HEAD", "/v2/shop/web/manifests/1", "").await;
        assert_eq!((head.status, head.header("retry-after"), head.body.len()), (429, "2", 0));
        // More than `times`, but it has not been so long.
        let pushed = client.send("POST", "/v2/shop/web/blobs/uploads/", "").await;
        assert_eq!(pushed.status, 429);
        assert!(pushed.header("retry-after").parse::<u64>().unwrap() <= 2);
        assert_eq!(client.get("/v2/shop/other/tags/list").await.status, 200);
        assert_eq!(client.get("/v2/").await.status, 200);
        tokio::time::sleep(Duration::from_millis(2100)).await;
        assert_eq!(client.get("/v2/shop/web/tags/list").await.status, 200);
    });
}

#[test]
fn a_broken_registry_answers_as_a_proxy_does() {
    let rule = "  - setRegistry: {repository: shop/web, fault: {status: 503, times: 1}, latency: 300ms}\n";
    play(rule, async |http, token| {
        let client = bearer(&http, &token);
        // Who is not let in does not count.
        assert_eq!(Client::http(&http).get("/v2/shop/web/tags/list").await.status, 401);
        let begin = Instant::now();
        let answer = client.get("/v2/shop/web/tags/list").await;
        assert_eq!((answer.status, answer.body.as_ref()), (503, b"503 Service Unavailable\n".as_slice()));
        assert!(answer.header("content-type").starts_with("text/plain"));
        assert_eq!(answer.header("retry-after"), "");
        assert!(begin.elapsed() >= Duration::from_millis(300));
        assert_eq!(client.get("/v2/shop/web/tags/list").await.status, 200);
    });
}

#[rstest]
#[case::password("{username: ann, password: new}")]
#[case::token("{token: new}")]
fn a_login_is_asked_for_in_the_place_of_the_runs_token(#[case] login: &str) {
    let rule = format!("  - setRegistry: {{repository: shop/web, login: {login}}}\n");
    play(&rule, async |http, token| {
        let path = "/v2/shop/web/manifests/1";
        let is_token = login.contains("token");
        let refused = [Client::http(&http), bearer(&http, &token), basic(&http, "ann", "old")];
        for (number, client) in refused.iter().enumerate() {
            let answer = client.get(path).await;
            assert_eq!((answer.status, code(&answer).as_str()), (401, "UNAUTHORIZED"));
            assert!(answer.header("www-authenticate").starts_with("Basic "), "{answer:?}");
            let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
            assert_eq!(message.ends_with("wrong or have expired"), number > 0, "{message}");
        }
        let good = [(basic(&http, "ann", "new"), true), (bearer(&http, "new"), is_token)];
        for (client, good) in good {
            // `docker login` looks at the base alone.
            for path in ["/v2/", path] {
                assert_eq!(client.get(path).await.status, if good { 200 } else { 401 });
            }
            for path in ["/v2/shop/other/tags/list", "/v2/_catalog"] {
                assert_eq!(client.get(path).await.status, 401, "{path}");
            }
        }
        assert_eq!(bearer(&http, &token).get("/v2/shop/other/tags/list").await.status, 200);
    });
}

#[test]
fn a_fault_is_for_those_who_are_let_in() {
    let rule =
        "  - setRegistry: {repository: shop/web, login: {token: new}, fault: {status: 503, times: 1}}\n";
    play(rule, async |http, _| {
        let path = "/v2/shop/web/tags/list";
        for (client, status) in
            [(Client::http(&http), 401), (bearer(&http, "old"), 401), (bearer(&http, "new"), 503)]
        {
            assert_eq!(client.get(path).await.status, status);
        }
        assert_eq!(bearer(&http, "new").get(path).await.status, 200);
    });
}

#[test]
fn a_token_expires() {
    let rule = "  - setRegistry: {repository: shop/web, login: {token: new, expiresAfter: 1500ms}}\n";
    play(rule, async |http, _| {
        let client = bearer(&http, "new");
        assert_eq!(client.get("/v2/shop/web/tags/list").await.status, 200);
        tokio::time::sleep(Duration::from_millis(1600)).await;
        for path in ["/v2/", "/v2/shop/web/tags/list"] {
            let answer = client.get(path).await;
            assert_eq!((answer.status, code(&answer).as_str()), (401, "UNAUTHORIZED"));
        }
    });
}

#[test]
fn moved_tags_and_wrong_digests_are_served() {
    let rule = "  - push: {image: 'shop/web:3', labels: {a: b}}\n  \
                - setRegistry: {repository: shop/web, moved: {'1': '3'}, wrongDigests: ['3']}\n";
    play(rule, async |http, token| {
        let client = bearer(&http, &token);
        let get = async |reference: &str| {
            let answer = client.get(&format!("/v2/shop/web/manifests/{reference}")).await;
            assert_eq!(answer.status, 200);
            (answer.header("docker-content-digest").to_owned(), Digest::of(&answer.body).to_string())
        };
        let (said, content) = get("3").await;
        assert_ne!(said, content);
        assert_eq!(get(&said).await, (said.clone(), content.clone()));
        assert_eq!(get("1").await, (content.clone(), content.clone()));
        // The digest that a seed was given is a name: whoever looks sees that the content has another.
        let (said, content) = get("2").await;
        assert_eq!(said, GIVEN);
        assert_ne!(content, GIVEN);
        let manifest = client.get(&format!("/v2/shop/web/manifests/{GIVEN}")).await.json();
        let config = manifest["config"]["digest"].as_str().unwrap();
        let config = client.get(&format!("/v2/shop/web/blobs/{config}")).await.json();
        assert_eq!(
            (&config["created"], &config["config"]["Labels"]["team"]),
            (&"2024-05-01T12:00:00Z".into(), &"web".into())
        );
    });
}
