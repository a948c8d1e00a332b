//! Requests and answers.

use super::Api;
use crate::forge::declare::Declared;
use crate::forge::{Change, DEFAULT_USER, Forge, Outcome, Seed, Token};
use bytes::Bytes;
use http::Request;
use rstest::rstest;
use seatrial_engine::Secret;
use seatrial_time::{Simulation, simulate};
use serde_json::{Value, json};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfHo1MU0p5E6XEtwkejPcz04TUS6HCcFW++M8a+gA7l";

struct Setting {
    forge: Forge,
    api: Api,
    owner: Secret,
    other: Secret,
}

/// A forge with `owls/gitops` (public, a template, two commits) and `owls/secret` (private), the team `writers`, and the user
/// `ann`, who belongs to nothing.
fn play(test: impl FnOnce(Setting)) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    simulate(Simulation::seeded(0), |clock| async move {
        let forge = Forge::new(clock, root);
        forge.add_user("ann").unwrap();
        forge.add_user("bob").unwrap();
        forge.add_organization("owls").unwrap();
        forge.add_team("owls", "Writers", &["bob".to_owned()]).unwrap();
        for name in ["gitops", "secret"] {
            let url = format!("https://github.com/owls/{name}");
            let repo = forge.create(name, &Seed::Empty, "master", &[url]).unwrap();
            repo.commit("master", &Change::new("One").write("a", "1")).unwrap();
            repo.commit("master", &Change::new("Two\n\nMore").write("b", "2")).unwrap();
            forge
                .configure(name, |hosted| {
                    hosted.checked = true;
                    hosted.private = name == "secret";
                    hosted.template = name == "gitops";
                })
                .unwrap();
        }
        let owner = forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES).unwrap();
        let other = forge.issue_token("ann", &Token::ALL_SCOPES).unwrap();
        test(Setting { api: Api::new(forge.clone()), forge, owner, other });
    })
    .unwrap();
}

impl Setting {
    fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> (u16, http::HeaderMap, Value) {
        let token = match who {
            "owner" => Some(self.owner.0.as_str()),
            "other" => Some(self.other.0.as_str()),
            "wrong" => Some("ghp_wrong"),
            _ => None,
        };
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("token {token}"));
        }
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let answer = self.api.answer(request.body(body).unwrap());
        let (parts, body) = answer.into_parts();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        (parts.status.as_u16(), parts.headers, body)
    }
}

/// Whether `found` has at least what `want` has.
fn has(found: &Value, want: &Value) -> bool {
    match (found, want) {
        (Value::Object(found), Value::Object(want)) => {
            want.iter().all(|(key, want)| found.get(key).is_some_and(|found| has(found, want)))
        }
        (Value::Array(found), Value::Array(want)) => {
            found.len() == want.len() && found.iter().zip(want).all(|(found, want)| has(found, want))
        }
        (found, want) => found == want,
    }
}

fn custom(resource: &str, field: &str, message: &str) -> Value {
    json!({"message": "Validation Failed", "status": "422",
        "errors": [{"resource": resource, "code": "custom", "field": field, "message": message}]})
}

#[rstest]
#[case::me("owner", "GET", "/user", json!(null), 200, json!({"login": "seatrial", "type": "User"}))]
#[case::me_with_the_prefix("owner", "GET", "/api/v3/user", json!(null), 200, json!({"login": "seatrial"}))]
#[case::nobody("nobody", "GET", "/user", json!(null), 401, json!({"message": "Requires authentication"}))]
#[case::wrong_token("wrong", "GET", "/user", json!(null), 401, json!({"message": "Bad credentials", "status": "401"}))]
#[case::wrong_token_for_what_is_public("wrong", "GET", "/repos/owls/gitops", json!(null), 401, json!({"message": "Bad credentials"}))]
#[case::my_organizations("owner", "GET", "/user/orgs", json!(null), 200, json!([{"login": "owls"}]))]
#[case::organization("other", "GET", "/orgs/Owls", json!(null), 200, json!({"login": "owls", "type": "Organization"}))]
#[case::no_organization("other", "GET", "/orgs/none", json!(null), 404, json!({"message": "Not Found"}))]
#[case::public("nobody", "GET", "/repos/owls/gitops", json!(null), 200,
    json!({"full_name": "owls/gitops", "private": false, "default_branch": "master", "is_template": true,
        "owner": {"login": "owls", "type": "Organization"}, "permissions": {"pull": true, "push": false},
        "clone_url": "https://github.com/owls/gitops.git", "ssh_url": "git@github.com:owls/gitops.git"}))]
#[case::private_of_a_member("owner", "GET", "/repos/owls/secret", json!(null), 200,
    json!({"visibility": "private", "permissions": {"admin": true}}))]
#[case::private_of_others("other", "GET", "/repos/owls/secret", json!(null), 404, json!({"message": "Not Found"}))]
#[case::private_of_nobody("nobody", "GET", "/repos/owls/secret", json!(null), 404, json!({"message": "Not Found"}))]
#[case::a_list_shows_what_may_be_seen("other", "GET", "/orgs/owls/repos", json!(null), 200, json!([{"name": "gitops"}]))]
#[case::create("owner", "POST", "/orgs/owls/repos", json!({"name": "new", "private": true, "auto_init": true}), 201,
    json!({"full_name": "owls/new", "private": true, "default_branch": "main"}))]
#[case::create_for_me("other", "POST", "/user/repos", json!({"name": "new"}), 201, json!({"full_name": "ann/new"}))]
#[case::create_twice("owner", "POST", "/orgs/owls/repos", json!({"name": "GitOps"}), 422,
    json!({"message": "Repository creation failed.", "errors": [{"resource": "Repository", "code": "custom",
        "field": "name", "message": "name already exists on this account"}]}))]
#[case::create_without_a_name("owner", "POST", "/user/repos", json!({}), 422,
    json!({"errors": [{"resource": "Repository", "code": "missing_field", "field": "name"}]}))]
#[case::create_where_one_does_not_belong("other", "POST", "/orgs/owls/repos", json!({"name": "new"}), 403,
    json!({"message": "You need admin access to the organization before adding a repository to it."}))]
#[case::create_internal("owner", "POST", "/orgs/owls/repos", json!({"name": "new", "visibility": "internal"}), 422,
    custom("Repository", "visibility", "visibility \"internal\" is not supported by this forge: use public or private"))]
#[case::generate("other", "POST", "/repos/owls/gitops/generate", json!({"owner": "ann", "name": "mine"}), 201,
    json!({"full_name": "ann/mine", "default_branch": "master"}))]
#[case::generate_from_no_template("owner", "POST", "/repos/owls/secret/generate", json!({"owner": "owls", "name": "x"}), 422,
    json!({"message": "owls/secret is not a template repository"}))]
#[case::edit("owner", "PATCH", "/repos/owls/gitops", json!({"description": "The fleet", "private": true}), 200,
    json!({"description": "The fleet", "private": true}))]
#[case::edit_without_the_right("other", "PATCH", "/repos/owls/gitops", json!({"private": true}), 403,
    json!({"message": "Must have admin rights to Repository."}))]
#[case::rename("owner", "PATCH", "/repos/owls/gitops", json!({"name": "other"}), 422,
    custom("Repository", "name", "this forge does not rename repositories"))]
#[case::default_branch_that_is_not_there("owner", "PATCH", "/repos/owls/gitops", json!({"default_branch": "none"}), 422,
    json!({"errors": [{"field": "default_branch"}]}))]
#[case::delete("owner", "DELETE", "/repos/owls/gitops", json!(null), 204, json!(null))]
#[case::delete_without_the_right("other", "DELETE", "/repos/owls/gitops", json!(null), 403, json!({"status": "403"}))]
#[case::no_keys("owner", "GET", "/repos/owls/gitops/keys", json!(null), 200, json!([]))]
#[case::keys_of_others("other", "GET", "/repos/owls/gitops/keys", json!(null), 403, json!({}))]
#[case::add_a_key("owner", "POST", "/repos/owls/gitops/keys", json!({"title": "t", "key": format!("{KEY} me@here"), "read_only": true}), 201,
    json!({"title": "t", "key": KEY, "read_only": true, "verified": true, "added_by": "seatrial"}))]
#[case::add_no_key("owner", "POST", "/repos/owls/gitops/keys", json!({"title": "t", "key": "nonsense"}), 422,
    custom("PublicKey", "key", "key is invalid. You must supply a key in OpenSSH public key format"))]
#[case::key_that_is_not_there("owner", "GET", "/repos/owls/gitops/keys/77", json!(null), 404, json!({"message": "Not Found"}))]
#[case::branches("nobody", "GET", "/repos/owls/gitops/branches", json!(null), 200, json!([{"name": "master", "protected": false}]))]
#[case::branch("nobody", "GET", "/repos/owls/gitops/branches/master", json!(null), 200,
    json!({"name": "master", "commit": {"commit": {"message": "Two\n\nMore", "author": {"name": "Seatrial"}}}}))]
#[case::no_branch("nobody", "GET", "/repos/owls/gitops/branches/a/b", json!(null), 404, json!({"message": "Branch not found"}))]
#[case::commits("nobody", "GET", "/repos/owls/gitops/commits?sha=master", json!(null), 200,
    json!([{"commit": {"message": "Two\n\nMore"}}, {"commit": {"message": "One"}, "parents": []}]))]
#[case::commits_of_a_path("nobody", "GET", "/repos/owls/gitops/commits?path=a", json!(null), 200, json!([{"commit": {"message": "One"}}]))]
#[case::commits_of_nothing("nobody", "GET", "/repos/owls/gitops/commits?sha=none", json!(null), 404, json!({}))]
#[case::commits_by_author("nobody", "GET", "/repos/owls/gitops/commits?author=ann", json!(null), 422,
    json!({"message": "this forge does not serve the parameter \"author\" of commits"}))]
#[case::commit("nobody", "GET", "/repos/owls/gitops/commits/master", json!(null), 200,
    json!({"files": [{"filename": "b", "status": "added"}]}))]
#[case::team("owner", "GET", "/orgs/owls/teams/writers", json!(null), 200, json!({"name": "Writers", "slug": "writers", "members_count": 1}))]
#[case::team_of_others("other", "GET", "/orgs/owls/teams/writers", json!(null), 404, json!({}))]
#[case::team_without_the_repository("owner", "GET", "/orgs/owls/teams/writers/repos/owls/gitops", json!(null), 404, json!({}))]
#[case::team_gets_the_repository("owner", "PUT", "/orgs/owls/teams/writers/repos/owls/gitops", json!({"permission": "push"}), 204, json!(null))]
#[case::team_gets_what_is_none("owner", "PUT", "/orgs/owls/teams/writers/repos/owls/gitops", json!({"permission": "all"}), 422,
    custom("TeamMember", "permission", "is not a permission"))]
#[case::hook("owner", "POST", "/repos/owls/gitops/hooks", json!({"config": {"url": "https://hook.test/x", "content_type": "json"}}), 201,
    json!({"name": "web", "events": ["push"], "active": true, "config": {"url": "https://hook.test/x", "insecure_ssl": "0"}}))]
#[case::hook_of_another_event("owner", "POST", "/repos/owls/gitops/hooks", json!({"events": ["issues"], "config": {"url": "https://hook.test"}}), 422,
    custom("Hook", "events", "the event \"issues\" is not told by this forge: push is"))]
#[case::hook_without_a_url("owner", "POST", "/repos/owls/gitops/hooks", json!({"config": {}}), 422, json!({"errors": [{"code": "missing_field", "field": "url"}]}))]
#[case::hook_that_trusts_everybody("owner", "POST", "/repos/owls/gitops/hooks", json!({"config": {"url": "https://hook.test", "insecure_ssl": "1"}}), 422,
    custom("Hook", "insecure_ssl", "this forge verifies certificates: insecure_ssl must be 0"))]
#[case::meta("nobody", "GET", "/api/v3/meta", json!(null), 200, json!({"installed_version": "3.17.0"}))]
#[case::not_served("owner", "GET", "/repos/owls/gitops/pulls", json!(null), 404,
    json!({"message": "Not Found: this forge does not serve GET /repos/owls/gitops/pulls"}))]
#[case::not_served_at_all("owner", "POST", "/graphql", json!({}), 404, json!({"message": "Not Found: this forge does not serve POST /graphql"}))]
fn the_api_answers(
    #[case] who: &str,
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: Value,
    #[case] status: u16,
    #[case] want: Value,
) {
    play(|setting| {
        let (found, _, answer) = setting.ask(who, method, path, &body);
        assert_eq!(found, status, "{answer:#}");
        assert!(has(&answer, &want), "{answer:#}");
    });
}

#[test]
fn a_key_is_added_once_and_removed() {
    play(|setting| {
        let body = json!({"title": "t", "key": KEY});
        let (status, _, added) = setting.ask("owner", "POST", "/repos/owls/gitops/keys", &body);
        assert_eq!((status, &added["read_only"]), (201, &json!(false)));
        for repo in ["gitops", "secret"] {
            let (status, _, answer) =
                setting.ask("owner", "POST", &format!("/repos/owls/{repo}/keys"), &body);
            assert_eq!(status, 422);
            assert!(has(&answer, &custom("PublicKey", "key", "key is already in use")), "{answer:#}");
        }
        let one = format!("/repos/owls/gitops/keys/{}", added["id"]);
        assert_eq!(setting.ask("owner", "GET", &one, &Value::Null).2, added);
        assert_eq!(setting.ask("owner", "DELETE", &one, &Value::Null).0, 204);
        assert_eq!(setting.ask("owner", "DELETE", &one, &Value::Null).0, 404);
    });
}

#[test]
fn a_team_s_right_shows_where_the_repository_is_asked_for() {
    play(|setting| {
        let path = "/orgs/owls/teams/writers/repos/owls/gitops";
        setting.ask("owner", "PUT", path, &json!({"permission": "maintain"}));
        assert_eq!(setting.ask("owner", "GET", path, &Value::Null).0, 204);
        let request = Request::get(path)
            .header("authorization", format!("Bearer {}", setting.owner.0))
            .header("accept", "application/vnd.github.v3.repository+json");
        let answer = setting.api.answer(request.body(Bytes::new()).unwrap());
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        assert!(has(&answer["permissions"], &json!({"maintain": true, "admin": false})), "{answer:#}");
        let (_, _, teams) = setting.ask("owner", "GET", "/repos/owls/gitops/teams", &Value::Null);
        assert!(has(&teams, &json!([{"slug": "writers", "permission": "maintain"}])), "{teams:#}");
        assert_eq!(setting.ask("owner", "DELETE", path, &Value::Null).0, 204);
        assert_eq!(setting.ask("owner", "GET", path, &Value::Null).0, 404);
    });
}

#[test]
fn lists_come_in_pages_with_links() {
    play(|setting| {
        for number in 0..5 {
            let body = json!({"name": format!("r{number}")});
            assert_eq!(setting.ask("other", "POST", "/user/repos", &body).0, 201);
        }
        let page = |page: usize| {
            let path = format!("/api/v3/users/ann/repos?per_page=2&page={page}");
            let (status, headers, list) = setting.ask("other", "GET", &path, &Value::Null);
            assert_eq!(status, 200);
            let names: Vec<String> =
                list.as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect();
            let link = headers.get("link").map_or("", |link| link.to_str().unwrap()).to_owned();
            (names.join(" "), link.replace("https://api.github.com/users/ann/repos?per_page=2&", ""))
        };
        assert_eq!(
            page(1),
            ("r0 r1".to_owned(), "<page=2>; rel=\"next\", <page=3>; rel=\"last\"".to_owned())
        );
        let middle =
            "<page=1>; rel=\"prev\", <page=3>; rel=\"next\", <page=3>; rel=\"last\", <page=1>; rel=\"first\"";
        assert_eq!(page(2), ("r2 r3".to_owned(), middle.to_owned()));
        assert_eq!(page(3), ("r4".to_owned(), "<page=2>; rel=\"prev\", <page=1>; rel=\"first\"".to_owned()));
        assert_eq!(page(9).0, "");
    });
}

#[test]
fn a_token_is_good_for_its_scopes() {
    play(|setting| {
        let weak = setting.forge.issue_token(DEFAULT_USER, &["public_repo"]).unwrap();
        let ask = |method: &str, path: &str, body: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("authorization", format!("Bearer {}", weak.0));
            setting.api.answer(request.body(Bytes::from(body.to_owned())).unwrap())
        };
        let answer = ask("GET", "/repos/owls/gitops", "");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-oauth-scopes"]),
            (200, &"public_repo".parse().unwrap())
        );
        assert_eq!(ask("GET", "/repos/owls/secret", "").status(), 404);
        assert_eq!(ask("POST", "/user/repos", r#"{"name": "x", "private": true}"#).status(), 403);
        assert_eq!(ask("POST", "/user/repos", r#"{"name": "x"}"#).status(), 201);
        assert_eq!(ask("DELETE", "/repos/owls/gitops", "").status(), 403);
        assert_eq!(ask("POST", "/user/repos", r#"{"name": "#).status(), 400);
    });
}

#[test]
fn pushes_are_kept_for_webhooks_in_process() {
    play(|setting| {
        let repo = setting.forge.repo("gitops").unwrap();
        repo.commit("master", &Change::new("Before").write("c", "3")).unwrap();
        let body = json!({"events": ["*"], "config": {"url": "https://hook.test", "content_type": "form", "secret": "hush"}});
        let (_, _, hook) = setting.ask("owner", "POST", "/repos/owls/gitops/hooks", &body);
        repo.commit("master", &Change::new("After").write("c", "4").remove("a")).unwrap();
        repo.create_branch("side", "master").unwrap();
        repo.delete_branch("side").unwrap();
        let ping = format!("/repos/owls/gitops/hooks/{}/pings", hook["id"]);
        assert_eq!(setting.ask("owner", "POST", &ping, &Value::Null).0, 204);
        let made = setting.forge.deliveries();
        let header = |at: usize, name: &str| {
            made[at].headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap()
        };
        let events: Vec<String> = (0..made.len()).map(|at| header(at, "x-github-event")).collect();
        assert_eq!(events, ["ping", "push", "push", "push"]);
        assert_eq!(header(1, "content-type"), "application/x-www-form-urlencoded");
        assert_eq!(header(1, "x-hub-signature-256").len(), "sha256=".len() + 64);
        let payload = |at: usize| -> Value {
            let body = String::from_utf8(made[at].body.to_vec()).unwrap();
            let (name, value) = super::answer::query(&body).remove(0);
            assert_eq!(name, "payload");
            serde_json::from_str(&value).unwrap()
        };
        let pushed = payload(1);
        let want = json!({"ref": "refs/heads/master", "commits": [{"message": "After", "added": [], "removed": ["a"],
            "modified": ["c"]}], "created": false, "forced": false, "repository": {"full_name": "owls/gitops"}});
        assert!(has(&pushed, &want), "{pushed:#}");
        assert!(has(
            &payload(2),
            &json!({"ref": "refs/heads/side", "created": true, "before": "0".repeat(40)})
        ));
        assert!(has(&payload(3), &json!({"deleted": true, "after": "0".repeat(40), "head_commit": null})));
        assert_eq!(setting.forge.deliveries().len(), 4, "none is made twice");
        assert!(!format!("{:?}", setting.forge.hosted("gitops").unwrap()).contains("hush"));
    });
}

#[test]
fn what_was_sent_to_a_webhook_is_listed_and_can_be_sent_again() {
    play(|setting| {
        let repo = setting.forge.repo("gitops").unwrap();
        let body = json!({"config": {"url": "https://hook.test", "content_type": "form"}});
        let (_, _, hook) = setting.ask("owner", "POST", "/repos/owls/gitops/hooks", &body);
        let path = format!("/repos/owls/gitops/hooks/{}/deliveries", hook["id"]);
        repo.commit("master", &Change::new("After").write("c", "4")).unwrap();
        let made = setting.forge.take_deliveries();
        assert_eq!(setting.ask("owner", "GET", &path, &Value::Null).2, json!([]), "not sent yet");
        let took = std::time::Duration::from_millis(250);
        setting.forge.delivered(made[0].id, Outcome::answered(502, took));

        let (status, _, list) = setting.ask("owner", "GET", &path, &Value::Null);
        let want = json!([{"event": "push", "status": "Invalid HTTP Response: 502", "status_code": 502,
            "duration": 0.25, "redelivery": false, "guid": made[0].guid}]);
        assert!(status == 200 && has(&list, &want), "{list:#}");
        let one = format!("{path}/{}", list[0]["id"]);
        let (_, _, whole) = setting.ask("owner", "GET", &one, &Value::Null);
        let want = json!({"url": "https://hook.test", "request": {"headers": {"x-github-event": "push"},
            "payload": {"ref": "refs/heads/master"}}});
        assert!(has(&whole, &want), "{whole:#}");

        assert_eq!(setting.ask("owner", "POST", &format!("{one}/attempts"), &Value::Null).0, 202);
        let again = setting.forge.take_deliveries();
        assert_eq!((again.len(), &again[0].body, &again[0].guid), (1, &made[0].body, &made[0].guid));
        setting.forge.delivered(again[0].id, Outcome::answered(200, took));
        let (_, _, list) = setting.ask("owner", "GET", &path, &Value::Null);
        let want = json!([{"redelivery": true, "status": "OK"}, {"redelivery": false}]);
        assert!(has(&list, &want), "{list:#}");

        for (who, method, path, status) in [
            ("owner", "GET", format!("{path}/1"), 404),
            ("owner", "POST", format!("{path}/1/attempts"), 404),
            ("nobody", "GET", path.clone(), 401),
        ] {
            assert_eq!(setting.ask(who, method, &path, &Value::Null).0, status, "{who} {method} {path}");
        }
    });
}

#[rstest]
#[case::comma("[{\"organization\": \"o\",,}]", "1:23: key must be a string")]
#[case::unknown_field(
    "[{\"organization\": \"o\", \"repositories\": [\n{\"name\": \"n\", \"tpl\": 1}]}]",
    "2:19: unknown field `tpl`, expected one of `name`, `owner`, `private`, `visibility`, `description`, `tpl_name`"
)]
#[case::another_type("[{\"organization\": 1}]", "1:19: invalid type: integer `1`, expected a string")]
#[case::no_name("[{\"organization\": \"o\", \"repositories\": [{}]}]", "1:42: missing field `name`")]
#[case::visibility(
    "[{\"organization\": \"o\", \"repositories\": [{\"name\": \"n\", \"visibility\": \"internal\"}]}]",
    "1:78: unknown variant `internal`, expected `public` or `private`"
)]
#[case::cut_short("[", "1:1: EOF while parsing a list")]
fn a_file_of_repositories_is_wrong_at(#[case] text: &str, #[case] want: &str) {
    assert_eq!(Declared::parse(text).unwrap_err().to_string(), want);
}
