//! Repositories that are made over the wire, webhooks, `forge create`.

use crate::client::Client;
use crate::programs::{git, tip};
use crate::world::{World, serve};
use aws_lc_rs::hmac;
use http_body_util::{BodyExt as _, Full};
use seatrial_engine::Secret;
use seatrial_harness::forge::declare::{Asking, Declared, create};
use seatrial_harness::rest::Rest;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

fn clone_url(world: &World, full_name: &str) -> String {
    let host = world.ready().forge.https.strip_prefix("https://").unwrap().to_owned();
    format!("https://jane:{}@{host}/{full_name}.git", world.token())
}

async fn patch_template(world: &World) {
    let answer =
        world.github().send("PATCH", "/api/v3/repos/seatrial/fleet", r#"{"is_template": true}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// What is asked for in this file, with this token.
async fn created(world: &World, file: &str, token: &str) -> Vec<Result<String, String>> {
    let ca = std::fs::read_to_string(&world.ready().ca).unwrap();
    let rest = Rest::trusting(Some(&ca)).unwrap();
    let api = world.ready().forge.api.clone();
    create(&Asking { requests: &rest, api, token: Secret(token.to_owned()) }, &Declared::parse(file).unwrap())
        .await
}

#[test]
fn a_file_makes_repositories_that_can_be_pushed_to() {
    serve(false, async |world| {
        patch_template(&world).await;
        let file = r#"[{"organization": "seatrial", "repositories": [
            {"name": "gitops", "owner": "seatrial", "private": false, "visibility": "public", "tpl_name": "fleet"},
            {"name": "fleet"},
            {"name": "other", "tpl_name": "missing"},
            {"name": "odd", "private": true, "visibility": "public"},
            {"name": "plain"}]}]"#;
        let lines = created(&world, file, &world.token()).await;
        let want = [
            Ok(
                "[SUCCESS] Created repository `gitops` from template repository `fleet` in organization `seatrial`.",
            ),
            Err(
                "[ERROR] Could not create repository `fleet` in organization `seatrial`: name already exists on this account (HTTP 422)",
            ),
            Err(
                "[ERROR] Could not create repository `other` from template repository `missing` in organization `seatrial`: there is no repository `seatrial/missing`, or no organization `seatrial`",
            ),
            Err(
                "[ERROR] Could not create repository `odd` in organization `seatrial`: `private` and `visibility` contradict each other",
            ),
            Ok("[SUCCESS] Created repository `plain` in organization `seatrial`."),
        ];
        let lines: Vec<_> =
            lines.iter().map(|line| line.as_ref().map(String::as_str).map_err(String::as_str)).collect();
        assert_eq!(lines, want);

        let dir = world.folder.path().to_owned();
        git(&world, &dir, None, &["clone", "-q", &clone_url(&world, "seatrial/gitops"), "gitops"])
            .await
            .must();
        assert!(dir.join("gitops/clusters/beta/config.yaml").is_file());
        assert_eq!(
            git(&world, &dir.join("gitops"), None, &["log", "--format=%s"]).await.must(),
            "Initial commit"
        );
        git(&world, &dir.join("gitops"), None, &["commit", "-q", "--allow-empty", "-m", "more"]).await.must();
        git(&world, &dir.join("gitops"), None, &["push", "-q"]).await.must();

        // The first branch of an empty repository becomes the one that is checked out.
        let plain = clone_url(&world, "seatrial/plain");
        git(&world, &dir.join("gitops"), None, &["push", "-q", &plain, "HEAD:refs/heads/master"])
            .await
            .must();
        let shown = world.github().get("/api/v3/repos/seatrial/plain").await.json();
        assert_eq!(shown["default_branch"], "master");
        assert!(tip(&world, "seatrial/plain", "master").await.is_some());
    });
}

#[test]
fn without_a_good_token_no_repository_is_made() {
    serve(false, async |world| {
        let file = r#"[{"organization": "seatrial", "repositories": [{"name": "plain"}]}]"#;
        let lines = created(&world, file, "ghp_wrong").await;
        let want = "[ERROR] Could not create repository `plain` in organization `seatrial`: Bad credentials (HTTP 401)";
        assert_eq!(lines, [Err(want.to_owned())]);
        assert_eq!(world.github().get("/api/v3/repos/seatrial/plain").await.status, 404);
    });
}

/// What a receiver of webhooks got: path, headers, body.
type Got = Arc<Mutex<Vec<(http::HeaderMap, bytes::Bytes)>>>;

/// Receives webhooks until the test ends; its URL.
async fn receiver(got: Got) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    #[allow(clippy::disallowed_methods, reason = "a server of the test's own")]
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let got = got.clone();
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let got = got.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    got.lock().unwrap().push((parts.headers, body));
                    Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(bytes::Bytes::new())))
                }
            });
            let stream = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
        }
    });
    url
}

#[test]
fn a_webhook_is_told_of_a_push_and_signed() {
    serve(false, async |world| {
        let got = Got::default();
        let url = receiver(got.clone()).await;
        let body = json!({"name": "web", "active": true, "events": ["push"],
            "config": {"url": url, "content_type": "json", "secret": "hush"}});
        let answer =
            world.github().send("POST", "/api/v3/repos/seatrial/fleet/hooks", body.to_string()).await;
        assert_eq!((answer.status, &answer.json()["config"]["secret"]), (201, &json!("********")));

        let dir = world.folder.path().to_owned();
        git(&world, &dir, None, &["clone", "-q", &clone_url(&world, "seatrial/fleet"), "clone"]).await.must();
        let clone = dir.join("clone");
        std::fs::write(clone.join("new.yaml"), "a: 1\n").unwrap();
        git(&world, &clone, None, &["add", "."]).await.must();
        git(&world, &clone, None, &["commit", "-q", "-m", "Add a file"]).await.must();
        git(&world, &clone, None, &["push", "-q", "origin", "main"]).await.must();
        let head = git(&world, &clone, None, &["rev-parse", "HEAD"]).await.must();
        let before = git(&world, &clone, None, &["rev-parse", "HEAD~"]).await.must();

        let clock = seatrial_time::Clock::wall();
        for attempt in 0.. {
            if !got.lock().unwrap().is_empty() {
                break;
            }
            assert!(attempt < 100, "the webhook is not told");
            clock.sleep(std::time::Duration::from_millis(50)).await;
        }
        let (headers, body) = got.lock().unwrap()[0].clone();
        assert_eq!(headers["x-github-event"], "push");
        assert_eq!(headers["content-type"], "application/json");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush");
        let hex =
            headers["x-hub-signature-256"].to_str().unwrap().strip_prefix("sha256=").unwrap().to_owned();
        let tag: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        hmac::verify(&key, &body, &tag).unwrap();
        let told: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&told["ref"], &told["before"], &told["after"]),
            (&json!("refs/heads/main"), &json!(before), &json!(head))
        );
        assert_eq!(told["commits"].as_array().unwrap().len(), 1);
        assert_eq!(told["head_commit"]["message"], "Add a file");
        assert_eq!(told["head_commit"]["added"], json!(["new.yaml"]));
        assert_eq!(told["repository"]["full_name"], "seatrial/fleet");
        assert_eq!(
            (&told["created"], &told["deleted"], &told["forced"]),
            (&json!(false), &json!(false), &json!(false))
        );
    });
}

/// A receiver that takes requests and never answers.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    #[allow(clippy::disallowed_methods, reason = "a server of the test's own")]
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
        }
    });
    url
}

#[test]
fn a_webhook_that_is_silent_holds_no_other_up_and_what_was_sent_can_be_sent_again() {
    const PUSHES: usize = 40;
    serve(false, async |world| {
        let got = Got::default();
        let (quick, slow) = (receiver(got.clone()).await, silent().await);
        let mut hooks = Vec::new();
        for url in [&slow, &quick] {
            let body = json!({"events": ["push"], "config": {"url": url, "content_type": "json"}});
            let answer =
                world.github().send("POST", "/api/v3/repos/seatrial/fleet/hooks", body.to_string()).await;
            hooks.push(answer.json()["id"].clone());
        }
        let dir = world.folder.path().to_owned();
        git(&world, &dir, None, &["clone", "-q", &clone_url(&world, "seatrial/fleet"), "clone"]).await.must();
        let clone = dir.join("clone");
        let mut tips = Vec::new();
        for _ in 0..PUSHES {
            git(&world, &clone, None, &["commit", "-q", "--allow-empty", "-m", "x"]).await.must();
            git(&world, &clone, None, &["push", "-q", "origin", "main"]).await.must();
            tips.push(git(&world, &clone, None, &["rev-parse", "HEAD"]).await.must());
        }
        let clock = seatrial_time::Clock::wall();
        let told = async |count: usize| {
            for attempt in 0.. {
                if got.lock().unwrap().len() >= count {
                    return;
                }
                assert!(attempt < 200, "{} of {count} were told", got.lock().unwrap().len());
                clock.sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        told(PUSHES).await;
        let after = |(_, body): &(http::HeaderMap, bytes::Bytes)| -> String {
            let body: Value = serde_json::from_slice(body).unwrap();
            body["after"].as_str().unwrap().to_owned()
        };
        let heard: Vec<String> = got.lock().unwrap().iter().map(after).collect();
        assert_eq!(heard, tips, "each push once, in their order");

        let path = format!("/api/v3/repos/seatrial/fleet/hooks/{}/deliveries", hooks[1]);
        let list = world.github().get(&format!("{path}?per_page=100")).await.json();
        assert_eq!(list.as_array().unwrap().len(), PUSHES);
        assert_eq!((&list[0]["status"], &list[0]["status_code"]), (&json!("OK"), &json!(200)));
        let again = format!("{path}/{}/attempts", list[PUSHES - 1]["id"]);
        assert_eq!(world.github().send("POST", &again, String::new()).await.status, 202);
        told(PUSHES + 1).await;
        assert_eq!(after(got.lock().unwrap().last().unwrap()), tips[0]);
    });
}

#[test]
fn the_api_answers_over_plain_http_too() {
    serve(false, async |world| {
        let bearer = format!("Bearer {}", world.token());
        let client = Client::http(&world.ready().forge.http).with("authorization", &bearer);
        let answer = client.get("/api/v3/meta").await;
        assert_eq!(answer.status, 200);
        let keys = answer.json()["ssh_keys"].as_array().unwrap().len();
        assert_eq!(keys, if cfg!(feature = "ssh") { 2 } else { 0 });
        assert_eq!(answer.header("x-github-enterprise-version"), "3.17.0");
    });
}
