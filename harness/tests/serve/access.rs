//! A forge that looks at rights.

use crate::client::{Client, Tls};
use crate::programs::{git, tip};
use crate::world::{World, serve, serve_more, serve_with};
use seatrial_harness::serve::{ForgeAccess, UpOptions};
use serde_json::Value;

fn checked() -> UpOptions {
    UpOptions { bootstrap: false, forge_access: ForgeAccess::Checked, ..UpOptions::default() }
}

/// The URL of the repository over TLS, with this token.
fn url(world: &World, token: Option<&str>) -> String {
    let host = world.ready().forge.https.strip_prefix("https://").unwrap().to_owned();
    let user = token.map(|token| format!("jane:{token}@")).unwrap_or_default();
    format!("https://{user}{host}/seatrial/fleet.git")
}

/// Changes whether the repository is private.
async fn set_private(world: &World, private: bool) {
    let body = serde_json::json!({"private": private}).to_string();
    let answer = world.github().send("PATCH", "/api/v3/repos/seatrial/fleet", body).await;
    assert_eq!((answer.status, &answer.json()["private"]), (200, &Value::Bool(private)));
}

#[test]
fn public_repositories_can_be_read_by_everybody_and_written_by_few() {
    serve_with(checked(), async |world| {
        let dir = world.folder.path().to_owned();
        let said = git(&world, &dir, None, &["clone", &url(&world, None), "x"]).await;
        assert!(!said.ok && said.err.contains("could not read Username"), "private: {said:?}");

        set_private(&world, false).await;
        git(&world, &dir, None, &["clone", "-q", &url(&world, None), "clone"]).await.must();
        let clone = dir.join("clone");
        git(&world, &clone, None, &["commit", "-q", "--allow-empty", "-m", "new"]).await.must();
        let before = tip(&world, "seatrial/fleet", "main").await;
        let said = git(&world, &clone, None, &["push", "origin", "main"]).await;
        assert!(!said.ok && said.err.contains("could not read Username"), "{said:?}");
        let said = git(&world, &clone, None, &["push", &url(&world, Some("wrong")), "main"]).await;
        assert!(!said.ok && said.err.contains("Authentication failed for"), "{said:?}");
        assert_eq!(tip(&world, "seatrial/fleet", "main").await, before);
        git(&world, &clone, None, &["push", "-q", &url(&world, Some(&world.token())), "main"]).await.must();
        assert_ne!(tip(&world, "seatrial/fleet", "main").await, before);
    });
}

#[test]
fn the_api_tells_everybody_of_public_repositories_alone() {
    serve_with(checked(), async |world| {
        let path = "/api/v3/repos/seatrial/fleet";
        assert_eq!(world.anonymous().get(path).await.status, 404);
        set_private(&world, false).await;
        let answer = world.anonymous().get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["permissions"]["push"], Value::Bool(false));
        assert_eq!(world.anonymous().send("DELETE", path, "").await.status, 401);
        assert_eq!(world.anonymous().get("/api/v3/user").await.status, 401);
    });
}

#[test]
fn where_nothing_is_checked_only_holders_of_the_token_are_told_anything() {
    serve(false, async |world| {
        let plain = Client::http(&world.ready().forge.http);
        for client in [plain, world.anonymous()] {
            for path in ["/api/v3", "/api/v3/user", "/api/v3/repos/seatrial/fleet", "/api/v3/meta"] {
                let answer = client.get(path).await;
                let words = answer.json()["message"].as_str().unwrap().to_owned();
                assert_eq!((answer.status, words.as_str()), (401, "Requires authentication"), "{path}");
            }
        }
        let wrong = world.anonymous().with("authorization", "token wrong").get("/api/v3/user").await;
        assert_eq!((wrong.status, wrong.json()["message"].as_str()), (401, Some("Bad credentials")));
        let right = format!("token {}", world.token());
        let answer = world.anonymous().with("authorization", &right).get("/api/v3/user").await;
        assert_eq!((answer.status, answer.json()["login"].as_str()), (200, Some("seatrial")));
        assert!(answer.header("x-oauth-scopes").contains("repo"), "{answer:?}");
    });
}

#[test]
fn a_source_of_a_cluster_needs_a_right_where_rights_are_checked() {
    serve_with(UpOptions { install_flux: true, ..checked() }, async |world| {
        let bearer = format!("Bearer {}", world.user("token"));
        let api = world.api(Tls { pair: None, protocol: "h2" }).with("authorization", &bearer);
        let secrets = "/api/v1/namespaces/flux-system/secrets";
        for (name, token) in [("right", world.token()), ("wrong", "ghp_wrong".to_owned())] {
            let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
                "stringData": {"username": "git", "password": token}});
            let created = api.clone().with("content-type", "application/json");
            assert_eq!(created.send("POST", secrets, secret.to_string()).await.status, 201);
        }
        let sources = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories";
        let failed = "failed to checkout and determine revision: unable to clone 'https://git.test/fleet': ";
        for (name, secret, want) in [
            ("none", None, format!("{failed}authentication required: Repository not found.")),
            (
                "wrong",
                Some("wrong"),
                format!(
                    "{failed}authentication required: Invalid username or token. Password authentication is not supported for Git operations."
                ),
            ),
            ("right", Some("right"), "stored artifact for revision 'main@sha1:".to_owned()),
        ] {
            let mut source = serde_json::json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                "metadata": {"name": name},
                "spec": {"url": "https://git.test/fleet", "interval": "1m", "ref": {"branch": "main"}}});
            if let Some(secret) = secret {
                source["spec"]["secretRef"] = serde_json::json!({"name": secret});
            }
            let creating = api.clone().with("content-type", "application/json");
            assert_eq!(creating.send("POST", sources, source.to_string()).await.status, 201);
            let clock = seatrial_time::Clock::wall();
            for attempt in 0.. {
                let found = api.get(&format!("{sources}/{name}")).await.json();
                let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
                let ready = conditions.iter().find(|c| c["type"] == "Ready").cloned().unwrap_or_default();
                if ready["message"].as_str().is_some_and(|message| message.starts_with(&want)) {
                    break;
                }
                assert!(attempt < 100, "{name}: {found:#}");
                clock.sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    });
}

#[test]
fn deploy_keys_of_up_may_push_where_they_are_asked_to() {
    for read_write_key in [false, true] {
        let options = UpOptions { bootstrap: true, read_write_key, ..UpOptions::default() };
        let automation = "kind: ImageUpdateAutomation\napiVersion: image.toolkit.fluxcd.io/v1\n\
                          metadata: {name: bot, namespace: flux-system}\nspec: {interval: 1m, sourceRef: {kind: GitRepository, name: flux-system}}\n";
        serve_more(options, &[("clusters/beta/automation.yaml", automation)], async |world| {
            let (_, full_name) = world.ready().forge.full_names.first_key_value().unwrap();
            let keys = world.github().get(&format!("/api/v3/repos/{full_name}/keys")).await.json();
            assert_eq!(keys[0]["read_only"], !read_write_key, "{keys}");
            let told = world.up.screen().contains("add --read-write-key");
            assert_eq!(told, !read_write_key, "{}", world.up.screen());
        });
    }
}
