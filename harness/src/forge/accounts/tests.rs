//! Who may do what, with every sort of credentials.

use super::*;
use crate::forge::keys::{KeyAlgorithm, PrivateKey, PublicKey};
use crate::forge::{Author, Change, Forge, ForgeError, Repo, Seed};
use rstest::rstest;
use seatrial_engine::{GitAuth, GitError, GitHosts, Secret};
use seatrial_time::{Simulation, simulate};
use std::collections::BTreeMap;

const URL: &str = "https://github.com/owls/gitops";

/// A forge with the repositories `owls/gitops` and `owls/other`, and one of every sort of credentials.
struct Setting {
    forge: Forge,
    repo: Repo,
    credentials: BTreeMap<&'static str, Credentials>,
    keys: BTreeMap<&'static str, PrivateKey>,
}

fn play(test: impl FnOnce(Setting)) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    simulate(Simulation::seeded(0), |clock| async move {
        let forge = Forge::new(clock.clone(), root);
        for user in ["ann", "bob", "eve"] {
            forge.add_user(user).unwrap();
        }
        forge.add_organization("owls").unwrap();
        let repo = forge.create("gitops", &Seed::Empty, "main", &[URL.to_owned()]).unwrap();
        repo.commit("main", &Change::new("Start").write("a", "1")).unwrap();
        forge.create("other", &Seed::Empty, "main", &["https://github.com/owls/other".to_owned()]).unwrap();
        let team = forge.add_team("owls", "The Writers", &["ann".to_owned()]).unwrap();
        let id = forge.hosted("gitops").unwrap().id;
        forge.grant("owls", &team, id, Some(Permission::Push)).unwrap();
        forge.add_member("owls", "bob", false).unwrap();
        let mut credentials = BTreeMap::from([("nobody", Credentials::Nothing)]);
        for (name, login, scopes) in [
            ("owner", DEFAULT_USER, &["repo"][..]),
            ("team", "ann", &["repo"]),
            ("member", "bob", &["repo"]),
            ("stranger", "eve", &["repo"]),
            ("no scope", DEFAULT_USER, &["read:org"]),
            ("public scope", DEFAULT_USER, &["public_repo"]),
        ] {
            credentials.insert(name, Credentials::Token(forge.issue_token(login, scopes).unwrap()));
        }
        credentials.insert("wrong token", Credentials::Token(Secret("ghp_wrong".to_owned())));
        let revoked = forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES).unwrap();
        assert!(forge.revoke_token(&revoked) && !forge.revoke_token(&revoked));
        credentials.insert("revoked token", Credentials::Token(revoked));
        let mut keys = BTreeMap::new();
        for name in ["read-only", "read-write", "of other", "of team", "wrong key", "removed key"] {
            let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256, &mut clock.rng(name)).unwrap();
            let public = key.public().clone();
            let add = |repo: &str, read_only| forge.add_deploy_key(repo, name, &public, read_only, "ann");
            match name {
                "read-only" => drop(add("gitops", true).unwrap()),
                "read-write" => drop(add("gitops", false).unwrap()),
                "of other" => drop(add("other", false).unwrap()),
                "of team" => forge.add_user_key("ann", name, public.clone()).unwrap(),
                "removed key" => {
                    let id = add("gitops", false).unwrap().id;
                    forge.remove_deploy_key("gitops", id).unwrap();
                }
                _ => {}
            }
            credentials.insert(name, Credentials::Key(public));
            keys.insert(name, key);
        }
        test(Setting { forge, repo, credentials, keys });
    })
    .unwrap();
}

/// What becomes of read and write: `ok`, or the first word of the refusal.
fn verdicts(setting: &Setting, who: &str) -> String {
    let word = |wants| match setting.forge.authorize(&setting.repo, &setting.credentials[who], wants) {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => {
            let text = format!("{refusal:?}");
            text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    };
    format!("{} {}", word(Wants::Read), word(Wants::Write))
}

#[rstest]
#[case::nobody("nobody", "ok Unauthenticated", "Unauthenticated Unauthenticated")]
#[case::owner("owner", "ok ok", "ok ok")]
#[case::team("team", "ok ok", "ok ok")]
#[case::key_of_a_user("of team", "ok ok", "ok ok")]
#[case::member("member", "ok Denied", "ok Denied")]
#[case::stranger("stranger", "ok Denied", "NotFound NotFound")]
#[case::token_without_scope("no scope", "ok NoScope", "NotFound NotFound")]
#[case::token_for_public_repositories("public scope", "ok ok", "NotFound NotFound")]
#[case::wrong_token("wrong token", "BadCredentials BadCredentials", "BadCredentials BadCredentials")]
#[case::revoked_token("revoked token", "BadCredentials BadCredentials", "BadCredentials BadCredentials")]
#[case::read_only_key("read-only", "ok ReadOnlyKey", "ok ReadOnlyKey")]
#[case::read_write_key("read-write", "ok ok", "ok ok")]
#[case::key_of_another_repository("of other", "ok Denied", "NotFound NotFound")]
#[case::wrong_key("wrong key", "UnknownKey UnknownKey", "UnknownKey UnknownKey")]
#[case::removed_key("removed key", "UnknownKey UnknownKey", "UnknownKey UnknownKey")]
fn a_checked_repository_lets_in(#[case] who: &str, #[case] public: &str, #[case] private: &str) {
    play(|setting| {
        setting.forge.configure("gitops", |hosted| hosted.checked = true).unwrap();
        assert_eq!(verdicts(&setting, who), public, "public");
        setting.forge.configure("gitops", |hosted| hosted.private = true).unwrap();
        assert_eq!(verdicts(&setting, who), private, "private");
    });
}

#[rstest]
#[case::nobody("nobody", "ok ok", "ok ok")]
#[case::wrong_token("wrong token", "ok ok", "ok ok")]
#[case::wrong_key("wrong key", "ok ok", "ok ok")]
#[case::a_key_that_is_known_to_be_read_only("read-only", "ok ReadOnlyKey", "ok ReadOnlyKey")]
#[case::a_known_key_of_another_repository("of other", "ok Denied", "NotFound NotFound")]
#[case::a_known_user_without_the_right("member", "ok Denied", "ok Denied")]
#[case::a_known_user_of_elsewhere("stranger", "ok Denied", "NotFound NotFound")]
#[case::a_known_token_without_a_scope("no scope", "ok NoScope", "NotFound NotFound")]
#[case::a_token_for_public_repositories("public scope", "ok ok", "NotFound NotFound")]
#[case::owner("owner", "ok ok", "ok ok")]
fn an_open_repository_lets_in(#[case] who: &str, #[case] public: &str, #[case] private: &str) {
    play(|setting| {
        assert_eq!(verdicts(&setting, who), public, "public");
        setting.forge.configure("gitops", |hosted| hosted.private = true).unwrap();
        assert_eq!(verdicts(&setting, who), private, "private");
        let administer = setting.forge.authorize(&setting.repo, &setting.credentials[who], Wants::Administer);
        assert_eq!(administer.is_ok(), who == "owner", "settings are always checked");
    });
}

#[test]
fn what_the_engine_shows_reaches_the_same_function_and_is_refused_in_flux_s_words() {
    play(|setting| {
        setting.forge.configure("gitops", |hosted| (hosted.private, hosted.checked) = (true, true)).unwrap();
        let ssh =
            |text: &str| GitAuth::Ssh { identity: Secret(text.to_owned()), known_hosts: "x".to_owned() };
        let key = |name: &str| ssh(setting.keys[name].reveal());
        let basic = |password: &str| GitAuth::Basic {
            username: "git".to_owned(),
            password: Secret(password.to_owned()),
        };
        let Credentials::Token(token) = setting.credentials["owner"].clone() else { unreachable!() };
        let handshake = "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no \
                         supported methods remain";
        for (auth, want) in [
            (GitAuth::None, Err("authentication required: Repository not found.")),
            (basic(&token.0), Ok(())),
            (GitAuth::Bearer { token }, Ok(())),
            (
                basic("wrong"),
                Err(
                    "authentication required: Invalid username or token. Password authentication is not supported for Git operations.",
                ),
            ),
            (key("read-only"), Ok(())),
            (key("of other"), Err("repository not found")),
            (key("wrong key"), Err(handshake)),
            (key("removed key"), Err(handshake)),
            (ssh("no key at all"), Err("ssh: no key found")),
        ] {
            match (setting.forge.open(URL, &auth), want) {
                (Ok(_), Ok(())) => {}
                (Err(GitError::AuthenticationFailed { message, .. }), Err(want)) => assert_eq!(message, want),
                (found, want) => panic!("{auth:?}: {found:?} and not {want:?}"),
            }
        }
    });
}

#[test]
fn refusals_have_the_words_of_github() {
    play(|setting| {
        setting.forge.configure("gitops", |hosted| hosted.checked = true).unwrap();
        let refused = |who: &str| {
            setting.forge.authorize(&setting.repo, &setting.credentials[who], Wants::Write).unwrap_err()
        };
        let read_only = "The key you are authenticating with has been marked as read only.";
        assert_eq!(refused("read-only").over_ssh(), read_only);
        assert_eq!(refused("read-only").to_flux(true), format!("unknown error: ERROR: {read_only}"));
        assert_eq!(
            refused("member").over_http(),
            (403, "Permission to owls/gitops.git denied to bob.".to_owned())
        );
        assert_eq!(refused("of other").over_ssh(), "Permission to owls/gitops.git denied to deploy key.");
        assert_eq!(refused("nobody").over_http(), (401, "No anonymous write access.".to_owned()));
    });
}

#[test]
fn repositories_are_found_by_owner_and_name_at_every_host_of_the_forge() {
    play(|setting| {
        let forge = &setting.forge;
        forge.set_site(Site {
            web: "https://git.test:8443".to_owned(),
            ssh: "ssh://git@git.test:2222/".to_owned(),
            api: "https://git.test:8443/api/v3".to_owned(),
        });
        let new =
            NewRepository { owner: "OWLS".to_owned(), name: "made".to_owned(), ..NewRepository::default() };
        let (made, hosted) = forge.create_hosted(&new, &Author::default()).unwrap();
        assert_eq!((made.name(), hosted.full_name().as_str()), ("made", "owls/made"));
        for url in [
            "https://github.com/owls/made",
            "https://git.test:8443/Owls/Made.git",
            "ssh://git@git.test:2222/owls/made",
        ] {
            assert_eq!(forge.by_url(url).unwrap().name(), "made", "{url}");
        }
        assert!(matches!(forge.by_url("https://elsewhere.test/owls/made"), Err(ForgeError::Unserved { .. })));
        // Another owner's repository of that name has another name in the run.
        let new = NewRepository { owner: "ann".to_owned(), ..new };
        let (other, _) = forge.create_hosted(&new, &Author::default()).unwrap();
        assert_eq!(other.name(), "ann.made");
        assert!(matches!(
            forge.create_hosted(&new, &Author::default()),
            Err(AccountError::RepositoryExists { .. })
        ));
        forge.remove_hosted("made").unwrap();
        assert!(!made.path().exists() && forge.by_url("https://github.com/owls/made").is_err());
    });
}

#[test]
fn a_template_gives_its_files_and_not_its_history() {
    play(|setting| {
        let (forge, repo) = (&setting.forge, &setting.repo);
        repo.commit("main", &Change::new("More").write("b/c", "2").remove("a")).unwrap();
        repo.create_branch("side", "main").unwrap();
        let new = |all_branches| NewRepository {
            owner: "ann".to_owned(),
            name: format!("made-{all_branches}"),
            template: Some(Template { full_name: "owls/gitops".to_owned(), all_branches }),
            ..NewRepository::default()
        };
        assert!(matches!(
            forge.create_hosted(&new(true), &Author::default()),
            Err(AccountError::NotATemplate { .. })
        ));
        for name in ["gitops", "other"] {
            forge.configure(name, |hosted| hosted.template = true).unwrap();
        }
        for (all, branches) in [(false, vec!["main"]), (true, vec!["main", "side"])] {
            let (made, _) = forge.create_hosted(&new(all), &Author::default()).unwrap();
            assert_eq!(made.branches().unwrap(), branches);
            assert_eq!(made.paths("main").unwrap(), ["b/c"]);
            assert_eq!(made.log("main", 9).unwrap().len(), 1);
        }
        let empty = NewRepository {
            template: Some(Template { full_name: "owls/other".to_owned(), all_branches: false }),
            ..new(true)
        };
        let empty = NewRepository { name: "third".to_owned(), ..empty };
        assert!(matches!(
            forge.create_hosted(&empty, &Author::default()),
            Err(AccountError::EmptyTemplate { .. })
        ));
    });
}

#[test]
fn tokens_come_from_the_seed_and_are_kept_as_digests() {
    let issued = |seed| {
        simulate(Simulation::seeded(seed), |clock| async move {
            let forge = Forge::new(clock, "unused");
            let token = forge.issue_token(DEFAULT_USER, &["repo"]).unwrap();
            assert!(!format!("{:?}", crate::forge::lock(&forge.state).accounts).contains(&token.0));
            token.0
        })
        .unwrap()
    };
    assert_eq!(issued(1), issued(1));
    assert_ne!(issued(1), issued(2));
    assert!(issued(1).starts_with("ghp_") && issued(1).len() == 40);
}

#[test]
fn a_key_has_one_place() {
    play(|setting| {
        let key: &PublicKey = setting.keys["read-only"].public();
        let again = setting.forge.add_deploy_key("other", "again", key, true, "ann");
        assert!(matches!(again, Err(AccountError::KeyInUse)));
        assert!(matches!(
            setting.forge.add_user_key("bob", "again", key.clone()),
            Err(AccountError::KeyInUse)
        ));
        assert_eq!(setting.forge.holder(key).as_deref(), Some("owls/gitops"));
        assert_eq!(setting.forge.holder(setting.keys["of team"].public()).as_deref(), Some("ann"));
    });
}
