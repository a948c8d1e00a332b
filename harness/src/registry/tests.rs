//! The registry as the kubelet and scenario steps see it.

use super::*;
use crate::scenario::{ImageSeed, ImageSpec};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use seatrial_engine::{OciAddress, OciAuth, OciRegistries, Secret};
use seatrial_time::Clock;
use seatrial_workload::{ImageLookup as _, Pull, PullRequest};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn seeded() -> Registry {
    let registry = Registry::new();
    registry.create("btoll/debug", ["latest", "1.0.0"]).unwrap();
    registry
}

fn pull(registry: &Registry, image: &str) -> Result<(), String> {
    registry.images(UnknownImages::Pull).resolve(image)
}

#[rstest]
#[case::short_name("btoll/debug:1.0.0")]
#[case::the_web_site("hub.docker.com/btoll/debug:1.0.0")]
#[case::full_name("docker.io/btoll/debug:1.0.0")]
#[case::latest_goes_without_saying("btoll/debug")]
#[case::a_repository_that_is_not_mapped("nginx:1.27")]
#[case::same_path_elsewhere("ghcr.io/btoll/debug:7")]
fn an_image_pulls(#[case] image: &str) {
    assert_eq!(pull(&seeded(), image), Ok(()));
}

#[rstest]
#[case::missing_tag(
    UnknownImages::Pull,
    "btoll/debug:9.9.9",
    "code = NotFound desc = failed to pull and unpack image \"docker.io/btoll/debug:9.9.9\""
)]
#[case::missing_tag_under_another_name(
    UnknownImages::Pull,
    "hub.docker.com/btoll/debug:9.9.9",
    "docker.io/btoll/debug:9.9.9: not found"
)]
#[case::unknown_repository(
    UnknownImages::Missing,
    "btoll/debgu:1.0.0",
    "pull access denied, repository does not exist"
)]
#[case::no_image_name(UnknownImages::Pull, "Btoll/debug", "invalid reference format")]
fn an_image_is_missing(#[case] unknown: UnknownImages, #[case] image: &str, #[case] want: &str) {
    let message = seeded().images(unknown).resolve(image).unwrap_err();
    assert!(message.contains(want), "{message}");
}

#[test]
fn a_pushed_image_is_found_by_tag_and_by_digest() {
    let registry = seeded();
    let stamp = registry.signal().stamp();
    let digest = registry.push("hub.docker.com/btoll/debug:1.0.1").unwrap();
    assert!(!stamp.is_current());
    assert_eq!(pull(&registry, "btoll/debug:1.0.1"), Ok(()));
    assert_eq!(pull(&registry, &format!("btoll/debug@{digest}")), Ok(()));
    assert_eq!(registry.tags("btoll/debug").unwrap(), ["1.0.0", "1.0.1", "latest"]);
}

#[test]
fn a_deleted_tag_is_gone_and_its_manifest_stays() {
    let registry = seeded();
    let digest = registry.push("btoll/debug:2").unwrap();
    registry.delete_tag("btoll/debug", "2").unwrap();
    assert!(pull(&registry, "btoll/debug:2").is_err());
    assert_eq!(pull(&registry, &format!("btoll/debug@{digest}")), Ok(()));
}

#[test]
fn digests_are_the_same_in_every_run_and_differ_by_tag() {
    let of = |image: &str| seeded().push(image).unwrap();
    assert_eq!(of("btoll/debug:1.0.1"), of("docker.io/btoll/debug:1.0.1"));
    assert_ne!(of("btoll/debug:1.0.1"), of("btoll/debug:1.0.2"));
}

#[test]
fn a_manifest_names_blobs_that_are_there() {
    let registry = seeded();
    let image = ImageRef::parse("btoll/debug:1.0.0").unwrap();
    let (digest, manifest) = registry.manifest(&image).unwrap().unwrap();
    assert_eq!(digest, Digest::of(&manifest.data));
    let json: serde_json::Value = serde_json::from_slice(&manifest.data).unwrap();
    assert_eq!(json["mediaType"], manifest.media_type.as_str());
    for descriptor in [&json["config"], &json["layers"][0]] {
        let digest = Digest::parse(descriptor["digest"].as_str().unwrap()).unwrap();
        let blob = registry.blob(&digest).unwrap();
        assert_eq!(Digest::of(&blob), digest);
        assert_eq!(descriptor["size"], blob.len());
    }
}

#[rstest]
#[case::unmapped("btoll/other:1", "the run's registry has docker.io/btoll/debug")]
#[case::no_tag("btoll/debug", "names no tag")]
#[case::a_digest_without_a_tag(
    "btoll/debug@sha256:9b2cf21e2c3f7d2a6c0d4c8d1c5b3f7e9b2cf21e2c3f7d2a6c0d4c8d1c5b3f7e",
    "names no tag"
)]
fn a_push_that_means_nothing_is_refused(#[case] image: &str, #[case] want: &str) {
    let message = seeded().push(image).unwrap_err().to_string();
    assert!(message.contains(want), "{message}");
}

#[test]
fn the_names_that_are_most_like_the_missing_one_are_told() {
    let registry = seeded();
    let told = || registry.push("btoll/debu:1").unwrap_err().to_string();
    for name in ["zoo/a", "zoo/b", "btoll/debug2"] {
        registry.create(name, Vec::<String>::new()).unwrap();
    }
    let known =
        "the run's registry has docker.io/btoll/debug, docker.io/btoll/debug2, docker.io/zoo/b and 1 other";
    assert!(told().ends_with(known), "{}", told());
    registry.create("zoo/c", Vec::<String>::new()).unwrap();
    assert!(told().ends_with("docker.io/zoo/b and 2 others"), "{}", told());
}

async fn asks(registry: &Registry, auth: OciAuth) -> Result<usize, String> {
    let at = OciAddress {
        host: "index.docker.io".to_owned(),
        path: "btoll/debug".to_owned(),
        insecure: false,
        auth,
    };
    let tags = OciRegistries::tags(registry, &at, None).await;
    tags.map(|page| page.tags.len()).map_err(|error| error.to_string())
}

pub(super) fn basic(password: &str) -> OciAuth {
    OciAuth::Basic { username: "ann".to_owned(), password: Secret(password.to_owned()) }
}

#[test]
fn faults_end_when_the_rule_says_so() {
    seatrial_time::simulate(seatrial_time::Simulation::seeded(0), |clock| async move {
        let registry = seeded();
        let limit = "GET https://index.docker.io/v2/btoll/debug/tags/list?n=1000: TOOMANYREQUESTS: You have reached your pull rate limit";
        let fault = Fault { status: 429, times: Some(2), retry_after: Some(Duration::from_secs(60)) };
        registry.set_rule("btoll/debug", Rule { fault: Some(fault), ..Rule::default() }, &clock).unwrap();
        for _ in 0..3 {
            let before = registry.signal().stamp();
            assert_eq!(asks(&registry, OciAuth::None).await, Err(limit.to_owned()));
            assert!(!before.is_current(), "whoever waits has to ask again");
        }
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!(asks(&registry, OciAuth::None).await, Ok(2));

        let fault = Fault { status: 503, times: Some(1), retry_after: None };
        let latency = Duration::from_secs(5);
        registry
            .set_rule(
                "docker.io/btoll/debug",
                Rule { fault: Some(fault), latency, ..Rule::default() },
                &clock,
            )
            .unwrap();
        let begin = clock.now();
        let told = asks(&registry, OciAuth::None).await.unwrap_err();
        assert!(told.ends_with("unexpected status code 503 Service Unavailable"), "{told}");
        assert_eq!(asks(&registry, OciAuth::None).await, Ok(2));
        assert_eq!(clock.now().duration_since(begin).as_secs(), 10);
        assert!(registry.set_rule("nginx", Rule::default(), &clock).is_err());
    })
    .unwrap();
}

#[test]
fn only_the_right_credentials_are_let_in() {
    seatrial_time::simulate(seatrial_time::Simulation::seeded(0), |clock| async move {
        let registry = seeded();
        let token = OciAuth::Bearer { token: Secret("t1".to_owned()) };
        for login in [basic("new"), token.clone()] {
            registry
                .set_rule("btoll/debug", Rule { login: login.clone(), ..Rule::default() }, &clock)
                .unwrap();
            for auth in [OciAuth::None, basic("old"), basic("new"), token.clone()] {
                let told = asks(&registry, auth.clone()).await;
                assert_eq!(told.is_ok(), auth == login, "{told:?}");
                if let Err(told) = told {
                    assert!(told.contains(": UNAUTHORIZED: authentication required"), "{told}");
                    assert!(!told.contains("old"), "{told}");
                }
            }
        }
        registry.set_rule("btoll/debug", Rule::default(), &clock).unwrap();
        assert_eq!(asks(&registry, OciAuth::None).await, Ok(2));
    })
    .unwrap();
}

#[test]
fn a_push_with_a_digest_moves_a_tag() {
    let registry = seeded();
    let digest = registry.push("btoll/debug:1.0.1").unwrap();
    assert_eq!(registry.push(&format!("btoll/debug:latest@{digest}")), Ok(digest.clone()));
    let latest = registry.manifest(&ImageRef::parse("btoll/debug:latest").unwrap()).unwrap();
    assert_eq!(latest.map(|(digest, _)| digest), Some(digest));
    let wrong = registry.push(&format!("btoll/debug:latest@sha256:{}", "0".repeat(64)));
    assert!(matches!(wrong, Err(RegistryError::NoDigest { .. })), "{wrong:?}");
}

pub(super) fn under_rule(test: impl AsyncFnOnce(Registry, Clock)) {
    seatrial_time::simulate(seatrial_time::Simulation::seeded(0), |clock| async move {
        test(seeded(), clock).await;
    })
    .unwrap();
}

/// A pull secret for Docker Hub.
pub(super) fn pull_secret(entry: &Value) -> Arc<Value> {
    let config = json!({ "auths": { "https://index.docker.io/v1/": entry } }).to_string();
    Arc::new(json!({ "data": { ".dockerconfigjson": STANDARD.encode(config) } }))
}

pub(super) fn node_pulls(registry: &Registry, image: &str, secrets: &[Arc<Value>]) -> Pull {
    registry.images(UnknownImages::Pull).pull(&PullRequest { image, secrets })
}

const REFUSED: &str = "failed to pull and unpack image \"docker.io/btoll/debug:1.0.0\": \
                       failed to resolve reference \"docker.io/btoll/debug:1.0.0\": ";

#[test]
fn nodes_meet_faults_and_wait_for_slow_answers() {
    under_rule(async |registry, clock| {
        let latency = Duration::from_secs(2);
        for (status, words) in [(429, "429 Too Many Requests"), (503, "503 Service Unavailable")] {
            let fault = Some(Fault { status, times: Some(1), retry_after: None });
            let rule = Rule { fault, latency, ..Rule::default() };
            registry.set_rule("btoll/debug", rule, &clock).unwrap();
            let first = node_pulls(&registry, "btoll/debug:1.0.0", &[]);
            let head = "unexpected status from HEAD request to \
                        https://registry-1.docker.io/v2/btoll/debug/manifests/1.0.0: ";
            assert_eq!(
                first,
                Pull { result: Err(format!("{REFUSED}{head}{words}")), takes: latency, login: None }
            );
            let second = node_pulls(&registry, "btoll/debug:1.0.0", &[]);
            assert_eq!(second.takes, latency * 3);
            let id = second.result.unwrap().unwrap();
            assert!(id.starts_with("docker.io/btoll/debug@sha256:"), "{id}");
        }
        assert_eq!(node_pulls(&registry, "ghcr.io/other/image:1", &[]), Pull::ready());
    });
}

#[test]
#[allow(clippy::type_complexity, reason = "a table of cases")]
fn nodes_log_in_with_the_pods_secrets() {
    under_rule(async |registry, clock| {
        let ann = pull_secret(&json!({ "username": "ann", "password": "new" }));
        let old = pull_secret(&json!({ "username": "ann", "password": "old" }));
        let token = pull_secret(&json!({ "registrytoken": "t1" }));
        let elsewhere = Arc::new(json!({ "data": {} }));
        let none = "pull access denied, repository does not exist or may require authorization: \
                    authorization failed: no basic auth credentials";
        let wrong = "unexpected status from HEAD request to \
                     https://registry-1.docker.io/v2/btoll/debug/manifests/1.0.0: 401 Unauthorized";
        let bearer = OciAuth::Bearer { token: Secret("t1".to_owned()) };
        let cases: [(OciAuth, &[&Arc<Value>], Option<&str>); 7] = [
            (basic("new"), &[], Some(none)),
            (basic("new"), &[&elsewhere], Some(none)),
            (basic("new"), &[&old], Some(wrong)),
            (basic("new"), &[&old, &ann], None),
            (bearer.clone(), &[&token], None),
            (bearer, &[&ann], Some(wrong)),
            (OciAuth::None, &[&old], None),
        ];
        for (login, secrets, want) in cases {
            registry.set_rule("btoll/debug", Rule { login, ..Rule::default() }, &clock).unwrap();
            let secrets: Vec<Arc<Value>> = secrets.iter().map(|secret| (*secret).clone()).collect();
            let pulled = node_pulls(&registry, "btoll/debug:1.0.0", &secrets);
            // What a node remembers of it is among what it finds for the next pod with these Secrets.
            let request = PullRequest { image: "btoll/debug:1.0.0", secrets: &secrets };
            let logins = registry.images(UnknownImages::Pull).logins(&request);
            let used = want.is_none().then(|| logins.last().cloned()).flatten();
            assert_eq!(pulled.login, used);
            assert_eq!(pulled.result.map(drop), want.map_or(Ok(()), |why| Err(format!("{REFUSED}{why}"))));
        }
    });
}

#[test]
fn a_token_expires_by_itself_and_tells_those_who_wait() {
    under_rule(async |registry, clock| {
        let login = OciAuth::Bearer { token: Secret("t1".to_owned()) };
        let login_ends = Some(Duration::from_secs(600));
        registry
            .set_rule("btoll/debug", Rule { login: login.clone(), login_ends, ..Rule::default() }, &clock)
            .unwrap();
        // As registries take access tokens, whoever the user is.
        assert_eq!(asks(&registry, basic("t1")).await, Ok(2));
        let stamp = registry.signal().stamp();
        clock.sleep(Duration::from_secs(599)).await;
        assert_eq!(asks(&registry, login.clone()).await, Ok(2));
        assert!(stamp.is_current());
        clock.sleep(Duration::from_secs(2)).await;
        assert!(!stamp.is_current());
        let told = asks(&registry, login.clone()).await.unwrap_err();
        assert!(told.ends_with("the credentials are wrong or have expired"), "{told}");
        // The next token is let in for as long as its own rule says.
        registry.set_rule("btoll/debug", Rule { login: login.clone(), ..Rule::default() }, &clock).unwrap();
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(asks(&registry, login).await, Ok(2));
    });
}

async fn manifest(registry: &Registry, reference: &str) -> (String, Digest) {
    let at = OciAddress {
        host: "index.docker.io".to_owned(),
        path: "btoll/debug".to_owned(),
        ..OciAddress::default()
    };
    let found = OciRegistries::manifest(registry, &at, reference).await.unwrap();
    (found.digest, Digest::of(&found.data))
}

#[test]
fn a_tag_is_moved_while_the_rule_stands() {
    under_rule(async |registry, clock| {
        let before = manifest(&registry, "1.0.0").await;
        let other = registry.push("btoll/debug:2").unwrap();
        for to in ["2", other.as_str()] {
            let moved = [("1.0.0".to_owned(), to.to_owned())].into();
            registry.set_rule("btoll/debug", Rule { moved, ..Rule::default() }, &clock).unwrap();
            assert_eq!(manifest(&registry, "1.0.0").await.0, other.as_str());
            let id = node_pulls(&registry, "btoll/debug:1.0.0", &[]).result.unwrap().unwrap();
            assert_eq!(id, format!("docker.io/btoll/debug@{other}"));
        }
        registry.delete_tag("btoll/debug", "2").unwrap();
        let moved = [("1.0.0".to_owned(), other.to_string())].into();
        registry.set_rule("btoll/debug", Rule { moved, ..Rule::default() }, &clock).unwrap();
        registry.remove_manifest(&RepositoryName::parse("btoll/debug").unwrap(), &other).unwrap();
        assert!(pull(&registry, "btoll/debug:1.0.0").unwrap_err().ends_with("1.0.0: not found"));
        registry.set_rule("btoll/debug", Rule::default(), &clock).unwrap();
        assert_eq!(manifest(&registry, "1.0.0").await, before);
    });
}

#[test]
fn a_rule_names_what_there_is() {
    under_rule(async |registry, clock| {
        let moved =
            |tag: &str, to: &str| Rule { moved: [(tag.to_owned(), to.to_owned())].into(), ..Rule::default() };
        let digest = format!("sha256:{}", "a".repeat(64));
        let wrong = Rule { wrong_digests: ["gone".to_owned()].into(), ..Rule::default() };
        let name = || "docker.io/btoll/debug".to_owned();
        let no_tag = RegistryError::NoTag { name: name(), tag: "gone".to_owned() };
        let no_digest = RegistryError::NoDigest { name: name(), digest: digest.clone() };
        for (rule, error) in [
            (moved("1.0.0", "gone"), no_tag.clone()),
            (moved("gone", "1.0.0"), no_tag.clone()),
            (moved("1.0.0", &digest), no_digest),
            (wrong, no_tag),
        ] {
            assert_eq!(registry.set_rule("btoll/debug", rule, &clock), Err(error));
        }
        assert_eq!(pull(&registry, "btoll/debug:1.0.0"), Ok(()));
    });
}

#[test]
fn a_wrong_digest_is_not_that_of_the_content() {
    under_rule(async |registry, clock| {
        let (right, _) = manifest(&registry, "1.0.0").await;
        let rule = Rule { wrong_digests: ["1.0.0".to_owned()].into(), ..Rule::default() };
        registry.set_rule("btoll/debug", rule, &clock).unwrap();
        let (said, content) = manifest(&registry, "1.0.0").await;
        assert_ne!(said, right);
        assert_eq!(content.as_str(), right);
        assert_eq!(manifest(&registry, &said).await, (said.clone(), content.clone()));
        let wrong = format!("unexpected commit digest {right}, expected {said}: failed precondition");
        for image in ["btoll/debug:1.0.0".to_owned(), format!("btoll/debug@{said}")] {
            let told = pull(&registry, &image).unwrap_err();
            assert!(told.starts_with("rpc error: code = FailedPrecondition desc = "), "{told}");
            assert!(told.ends_with(&wrong), "{told}");
        }
        for image in [format!("btoll/debug@{right}"), "btoll/debug:latest".to_owned()] {
            assert_eq!(pull(&registry, &image), Ok(()));
        }
        registry.set_rule("btoll/debug", Rule::default(), &clock).unwrap();
        assert!(pull(&registry, &format!("btoll/debug@{said}")).is_err());
    });
}

#[test]
fn a_seed_has_labels_a_time_and_a_digest() {
    let registry = Registry::new();
    let given = format!("sha256:{}", "a".repeat(64));
    let seed = |tag: &str, digest: Option<&str>| {
        ImageSpec::Image(ImageSeed {
            tag: tag.to_owned(),
            labels: [("team".to_owned(), "web".to_owned())].into(),
            created: Some("2024-05-01T12:00:00Z".to_owned()),
            digest: digest.map(str::to_owned),
        })
    };
    let seeds = [ImageSpec::Tag("1".to_owned()), seed("2", None), seed("3", Some(&given))];
    registry.seed("btoll/debug", &seeds).unwrap();
    let found = |tag: &str| {
        let image = ImageRef::parse(&format!("btoll/debug:{tag}")).unwrap();
        let (digest, manifest) = registry.manifest(&image).unwrap().unwrap();
        let manifest: Value = serde_json::from_slice(&manifest.data).unwrap();
        let config = Digest::parse(manifest["config"]["digest"].as_str().unwrap()).unwrap();
        let config: Value = serde_json::from_slice(&registry.blob(&config).unwrap()).unwrap();
        (digest, config)
    };
    let (_, plain) = found("1");
    assert_eq!((&plain["created"], &plain["config"]["Labels"]["team"]), (&Value::Null, &Value::Null));
    let (_, config) = found("2");
    assert_eq!(config["created"], "2024-05-01T12:00:00Z");
    assert_eq!(
        config["config"]["Labels"],
        json!({
            "team": "web",
            "org.opencontainers.image.title": "btoll/debug",
            "org.opencontainers.image.version": "2",
        })
    );
    // Nodes take the image for the one that people mean, by its tag and by its digest.
    assert_eq!(found("3").0.as_str(), given);
    for image in ["btoll/debug:3".to_owned(), format!("btoll/debug@{given}")] {
        let id = node_pulls(&registry, &image, &[]).result.unwrap().unwrap();
        assert_eq!(id, format!("docker.io/btoll/debug@{given}"));
    }
    // The digest of one image is not given to another, and is forgotten with its image.
    let taken = registry.seed("btoll/debug", &[seed("5", Some(&given))]).unwrap_err();
    assert!(matches!(&taken, RegistryError::DigestTaken { tag, .. } if tag == "5"), "{taken}");
    assert!(registry.seed("btoll/debug", &[seed("3", Some(&given))]).is_ok());
    let (name, digest) = (RepositoryName::parse("btoll/debug").unwrap(), Digest::parse(&given).unwrap());
    assert_eq!(registry.remove_manifest(&name, &digest), Ok(true));
    assert!(registry.seed("btoll/debug", &[seed("5", Some(&given))]).is_ok());
    // Another build is another image.
    let first = registry.push("btoll/debug:4").unwrap();
    let labels = [("a".to_owned(), "b".to_owned())].into();
    let second = registry.push_built("btoll/debug:4", &Build { labels, ..Build::default() }).unwrap();
    assert_ne!(first, second);
}

#[rstest]
#[case::sha256("sha256", 64, true)]
#[case::sha512("sha512", 128, true)]
#[case::short("sha512", 64, false)]
#[case::another("sha384", 96, false)]
fn digests_are_of_two_algorithms(#[case] algorithm: &str, #[case] length: usize, #[case] good: bool) {
    let found = Digest::parse(&format!("{algorithm}:{}", "0".repeat(length)));
    assert_eq!(found.is_some(), good);
    if let Some(digest) = found {
        assert_eq!(digest.same_of(b"").algorithm(), algorithm);
    }
}

#[test]
fn tags_come_page_by_page_and_each_page_takes_its_time() {
    under_rule(async |registry, clock| {
        registry.create("btoll/many", (0..2500).map(|n| format!("v{n:04}"))).unwrap();
        let latency = Duration::from_secs(2);
        registry.set_rule("btoll/many", Rule { latency, ..Rule::default() }, &clock).unwrap();
        let at = OciAddress {
            host: "index.docker.io".to_owned(),
            path: "btoll/many".to_owned(),
            ..OciAddress::default()
        };
        let (begin, mut all, mut sizes) = (clock.now(), Vec::<String>::new(), Vec::new());
        loop {
            let after = all.last().cloned();
            let page = OciRegistries::tags(&registry, &at, after.as_deref()).await.unwrap();
            sizes.push(page.tags.len());
            all.extend(page.tags);
            if !page.more {
                break;
            }
        }
        assert_eq!(sizes, [1000, 1000, 500]);
        assert_eq!(all, registry.tags("btoll/many").unwrap());
        assert_eq!(clock.now().duration_since(begin).as_secs(), 6);
        let fault = Some(Fault { status: 503, times: None, retry_after: None });
        registry.set_rule("btoll/many", Rule { fault, ..Rule::default() }, &clock).unwrap();
        let told = OciRegistries::tags(&registry, &at, Some("v0999")).await.unwrap_err().to_string();
        assert!(told.contains("/v2/btoll/many/tags/list?last=v0999&n=1000: unexpected status"), "{told}");
    });
}
