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
    let registry = format!(
        "    shop/web:\n    - '1'\n    - {{tag: '2', digest: {GIVEN}, \
         labels: {{team: web}}, created: '2024-05-01T12:00:00Z'}}\n    shop/other: ['1']\n"
    );
    play_registry(&registry, steps, test);
}

/// The same with these repositories.
fn play_registry<F: Future<Output = ()>>(
    registry: &str,
    steps: &str,
    test: impl FnOnce(String, String) -> F,
) {
    let text = format!(
        "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: rules}}\nspec:\n  \
         clusters: {{beta: {{}}}}\n  registry:\n{registry}  steps:\n{steps}  - advance: 1m\n"
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

/// Two repositories: one that tokens guard, and one that they do not.
fn with_tokens<F: Future<Output = ()>>(test: impl FnOnce(String, String) -> F) {
    let registry = "    shop/web:\n      images: ['1']\n      tokens:\n        expiresAfter: 2s\n        \
                    users: {ann: {password: new, actions: [pull]}, ci: {password: pushes}}\n    \
                    shop/other: ['1']\n";
    play_registry(registry, "", test);
}

/// The parts of a challenge.
fn challenge(answer: &Answer) -> std::collections::BTreeMap<String, String> {
    let header = answer.header("www-authenticate");
    let rest = header.strip_prefix("Bearer ").unwrap_or_else(|| panic!("{header}"));
    let parts = rest.split("\",").map(|part| part.trim_end_matches('"').split_once("=\"").unwrap());
    parts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

async fn token_of(client: &Client, scope: &str) -> (u16, serde_json::Value) {
    let answer = client.get(&format!("/token?scope={scope}")).await;
    (answer.status, answer.json())
}

#[test]
fn a_challenge_leads_to_the_token_service() {
    with_tokens(async |http, run_token| {
        let base = Client::http(&http).get("/v2/").await;
        assert_eq!((base.status, code(&base).as_str()), (401, "UNAUTHORIZED"));
        let said = challenge(&base);
        assert_eq!(said["realm"], format!("http://{}/token", http.trim_start_matches("http://")));
        assert_eq!(said["service"], http.trim_start_matches("http://"));
        assert_eq!(said.get("scope"), None);
        let path = "/v2/shop/web/tags/list";
        // Credentials are for the service alone.
        for client in [Client::http(&http), basic(&http, "ann", "new"), bearer(&http, &run_token)] {
            let answer = client.get(path).await;
            assert_eq!(answer.status, 401);
            assert_eq!(challenge(&answer)["scope"], "repository:shop/web:pull");
        }
        let push = Client::http(&http).send("POST", "/v2/shop/web/blobs/uploads/", "").await;
        assert_eq!(challenge(&push)["scope"], "repository:shop/web:pull,push");

        let (status, given) = token_of(&basic(&http, "ann", "new"), "repository:shop/web:pull,push").await;
        assert_eq!(status, 200);
        assert_eq!(given["token"], given["access_token"]);
        assert_eq!(given["expires_in"], 2);
        assert!(given["issued_at"].as_str().unwrap().ends_with('Z'), "{given}");
        assert_eq!(given.get("refresh_token"), None);
        let client = bearer(&http, given["token"].as_str().unwrap());
        for path in ["/v2/", path] {
            assert_eq!(client.get(path).await.status, 200, "{path}");
        }
        let push = client.send("POST", "/v2/shop/web/blobs/uploads/", "").await;
        assert_eq!((push.status, challenge(&push)["error"].as_str()), (401, "insufficient_scope"));
        assert_eq!(push.json()["errors"][0]["detail"][1]["Action"], "push");
        tokio::time::sleep(Duration::from_millis(2100)).await;
        let late = client.get(path).await;
        assert_eq!((late.status, challenge(&late)["error"].as_str()), (401, "invalid_token"));
    });
}

#[test]
fn the_service_knows_whom_it_gives_tokens() {
    with_tokens(async |http, run_token| {
        let web = "repository:shop/web:pull,push,delete";
        let (status, refused) = token_of(&basic(&http, "ann", "old"), web).await;
        assert_eq!((status, refused["errors"][0]["code"].as_str()), (401, Some("UNAUTHORIZED")));
        let shows = async |given: &serde_json::Value, path: &str| {
            bearer(&http, given["token"].as_str().unwrap()).get(path).await.status
        };
        // The run's token opens what no repository keeps to its own users.
        let both = "repository:shop/web:pull&scope=repository:shop/other:pull%20registry:catalog:*";
        let (_, given) = token_of(&basic(&http, "me", &run_token), both).await;
        assert_eq!(shows(&given, "/v2/shop/web/tags/list").await, 401);
        assert_eq!(shows(&given, "/v2/shop/other/tags/list").await, 200);
        assert_eq!(shows(&given, "/v2/_catalog").await, 200);
        assert_eq!(basic(&http, "me", &run_token).get("/v2/shop/other/tags/list").await.status, 200);
        let (_, nobody) = token_of(&Client::http(&http), both).await;
        for path in ["/v2/shop/web/tags/list", "/v2/shop/other/tags/list", "/v2/_catalog"] {
            assert_eq!(shows(&nobody, path).await, 401, "{path}");
        }
        for (path, status) in [
            ("/token?scope=shop", 400),
            ("/token?service=elsewhere", 400),
            ("/token?scope=plugin:x:pull", 200),
        ] {
            assert_eq!(Client::http(&http).get(path).await.status, status, "{path}");
        }
    });
}

#[test]
fn a_form_gets_a_token_and_one_that_lasts() {
    with_tokens(async |http, _| {
        let client = Client::http(&http);
        let form = "grant_type=password&username=ci&password=pushes&access_type=offline&client_id=t\
                    &scope=repository%3Ashop%2Fweb%3Apull%2Cpush";
        let first = client.send("POST", "/token", form).await;
        assert_eq!(first.status, 200, "{first:?}");
        assert_eq!(first.json()["scope"], "repository:shop/web:pull,push");
        let pushes = bearer(&http, first.json()["access_token"].as_str().unwrap());
        assert_eq!(pushes.send("POST", "/v2/shop/web/blobs/uploads/", "").await.status, 202);
        let refresh = first.json()["refresh_token"].as_str().unwrap().to_owned();
        let again =
            format!("grant_type=refresh_token&refresh_token={refresh}&scope=repository:shop/web:pull");
        let second = client.send("POST", "/token", again).await.json();
        assert_eq!(second["refresh_token"], refresh);
        let reads = bearer(&http, second["token"].as_str().unwrap());
        assert_eq!(reads.get("/v2/shop/web/tags/list").await.status, 200);
        // The one that lasts is for the service alone.
        assert_eq!(bearer(&http, &refresh).get("/v2/shop/web/tags/list").await.status, 401);
        for (form, status) in [
            ("grant_type=password&username=ci&password=x", 401),
            ("grant_type=refresh_token&refresh_token=x", 401),
            ("grant_type=client_credentials", 400),
            ("", 400),
        ] {
            assert_eq!(client.send("POST", "/token", form).await.status, status, "{form}");
        }
    });
}

#[test]
fn a_blob_of_a_guarded_repository_is_mounted_with_a_token_that_reads_it() {
    let tokens = "tokens: {users: {ci: {password: pushes}}}";
    let registry = format!(
        "    shop/web: {{images: ['1'], {tokens}}}\n    shop/mine: {{{tokens}}}\n    shop/open: []\n"
    );
    play_registry(&registry, "", async |http, run_token| {
        let token = async |scope: &str| {
            let (status, given) = token_of(&basic(&http, "ci", "pushes"), scope).await;
            assert_eq!(status, 200);
            bearer(&http, given["token"].as_str().unwrap())
        };
        let (reads, writes) = ("repository:shop/web:pull", "repository:shop/mine:pull,push");
        let both = token(&format!("{reads}%20{writes}")).await;
        let manifest = both.get("/v2/shop/web/manifests/1").await.json();
        let digest = manifest["config"]["digest"].as_str().unwrap();
        let writer = token(writes).await;
        let run = basic(&http, "me", &run_token);
        // Where it is not mounted, an upload begins.
        for (client, to, from, status) in [
            (&writer, "mine", "&from=shop/web", 202),
            (&writer, "mine", "", 202),
            (&run, "open", "&from=shop/web", 202),
            (&run, "open", "", 202),
            (&both, "mine", "&from=shop/web", 201),
        ] {
            let path = format!("/v2/shop/{to}/blobs/uploads/?mount={digest}{from}");
            assert_eq!(client.send("POST", &path, "").await.status, status, "{path}");
        }
    });
}

#[test]
fn without_guarded_repositories_there_is_no_service() {
    play("", async |http, _| {
        assert_eq!(Client::http(&http).get("/token").await.status, 404);
        let base = Client::http(&http).get("/v2/").await;
        assert!(base.header("www-authenticate").starts_with("Basic "));
    });
}

#[test]
fn tokens_that_have_expired_open_nothing() {
    let registry = "    shop/web: {images: ['1'], tokens: {anonymous: [pull]}}\n";
    let rule = "  - setRegistry: {repository: shop/web, expiredTokens: true}\n";
    play_registry(registry, rule, async |http, _| {
        let (_, given) = token_of(&Client::http(&http), "repository:shop/web:pull").await;
        let answer = bearer(&http, given["token"].as_str().unwrap()).get("/v2/shop/web/tags/list").await;
        assert_eq!((answer.status, challenge(&answer)["error"].as_str()), (401, "invalid_token"));
    });
}

/// Mirrors of containerd say in `ns` whose repository they mean.
#[rstest]
#[case::another_registry("ghcr.io", "ghcr.io/shop/web")]
#[case::docker_hub("docker.io", "shop/web")]
#[case::docker_hub_by_its_host("registry-1.docker.io", "shop/web")]
fn the_challenge_of_a_mirror_names_what_the_service_knows(#[case] ns: &str, #[case] name: &str) {
    let tokens = "{images: ['1'], tokens: {users: {ci: {password: pushes}}}}";
    let registry = format!("    ghcr.io/shop/web: {tokens}\n    shop/web: {tokens}\n");
    play_registry(&registry, "", async |http, _| {
        let path = format!("/v2/shop/web/manifests/1?ns={ns}");
        let refused = Client::http(&http).get(&path).await;
        assert_eq!(refused.status, 401);
        let scope = challenge(&refused)["scope"].clone();
        assert_eq!(scope, format!("repository:{name}:pull"));
        let (status, given) = token_of(&basic(&http, "ci", "pushes"), &scope).await;
        assert_eq!(status, 200);
        let pulled = bearer(&http, given["token"].as_str().unwrap()).get(&path).await;
        assert_eq!(pulled.status, 200, "{pulled:?}");
    });
}

#[test]
fn the_list_of_repositories_is_a_scope_of_its_own() {
    with_tokens(async |http, run_token| {
        let (_, ann) = token_of(&basic(&http, "ann", "new"), "registry:catalog:*").await;
        let (_, run) = token_of(&basic(&http, "me", &run_token), "registry:catalog:*").await;
        let token = |given: &serde_json::Value| bearer(&http, given["token"].as_str().unwrap());
        for (client, error) in [
            (Client::http(&http), None),
            (basic(&http, "ann", "new"), None),
            (token(&ann), Some("insufficient_scope")),
            (bearer(&http, "unknown"), Some("invalid_token")),
        ] {
            let refused = client.get("/v2/_catalog").await;
            let said = challenge(&refused);
            assert_eq!((refused.status, said["scope"].as_str()), (401, "registry:catalog:*"));
            assert_eq!(said.get("error").map(String::as_str), error);
            let detail = &refused.json()["errors"][0]["detail"][0];
            assert_eq!(detail["Name"].as_str(), error.map(|_| "catalog"));
        }
        assert_eq!(token(&run).get("/v2/_catalog").await.status, 200);
    });
}

/// Clients are told it in whole seconds, and take 0 for a minute.
#[rstest]
#[case::half_a_second("500ms", Some("a token holds for a second or longer"))]
#[case::no_time("0s", Some("a token that holds for no time opens nothing"))]
#[case::a_second("1s", None)]
fn a_token_holds_for_a_second_at_least(#[case] span: &str, #[case] want: Option<&str>) {
    let text = format!(
        "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: short}}\nspec:\n  \
         clusters: {{beta: {{}}}}\n  registry:\n    shop/web: {{tokens: {{expiresAfter: {span}}}}}\n  \
         steps:\n  - advance: 1m\n"
    );
    let parsed = parse_text(Path::new("short.yaml"), &text).map(drop);
    let told = parsed.map_err(|invalid| format!("{invalid:?}"));
    match want {
        None => assert_eq!(told, Ok(())),
        Some(words) => assert!(told.as_ref().is_err_and(|told| told.contains(words)), "{told:?}"),
    }
}

/// flux has the client library that the engine follows.
#[test]
fn the_real_flux_takes_tokens() {
    let Some(program) = crate::conformance::program("flux") else { return };
    with_tokens(async |http, _| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), "a: b\n").unwrap();
        let url = |tag: &str| format!("oci://{}/shop/web{tag}", http.trim_start_matches("http://"));
        let flux = async |words: &[&str], url: String, login: &str| {
            let mut command = tokio::process::Command::new(&program);
            command.args(words).arg(url).args(["--insecure-registry", "--creds", login]);
            let output =
                command.current_dir(folder.path()).env("HOME", folder.path()).output().await.unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.success(), format!("{}{said}", String::from_utf8_lossy(&output.stdout)))
        };
        let push = ["push", "artifact", "--path", ".", "--source", "x", "--revision", "y"];
        for (words, tag, login, want) in [
            (push.as_slice(), ":2", "ci:pushes", "pushed"),
            (&["list", "artifacts"], "", "ann:new", "y"),
            (&["pull", "artifact", "--output", "."], ":2", "ann:new", "extracted"),
        ] {
            let (done, said) = flux(words, url(tag), login).await;
            assert!(done && said.contains(want), "{words:?}: {said}");
        }
        let unauthorized = "UNAUTHORIZED: authentication required";
        let scope = |action: &str| {
            format!("{unauthorized}; [map[Action:pull Class: Name:shop/web Type:repository]{action}]")
        };
        let wrong = format!("{unauthorized}: the credentials are wrong or have expired");
        for (words, tag, login, want) in [
            (
                push.as_slice(),
                ":3",
                "ann:new",
                scope(" map[Action:push Class: Name:shop/web Type:repository]"),
            ),
            (&["list", "artifacts"], "", "ann:old", wrong),
        ] {
            let (done, said) = flux(words, url(tag), login).await;
            assert!(!done && said.contains(&want), "{words:?}: {said}");
        }
    });
}
