//! The registry as the kubelet and scenario steps see it.

use super::*;
use rstest::rstest;
use seatrial_engine::{OciAddress, OciAuth, OciRegistries, Secret};
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

async fn asks(registry: &Registry, auth: OciAuth) -> Result<usize, String> {
    let at = OciAddress {
        host: "index.docker.io".to_owned(),
        path: "btoll/debug".to_owned(),
        insecure: false,
        auth,
    };
    let tags = OciRegistries::tags(registry, &at).await;
    tags.map(|tags| tags.len()).map_err(|error| error.to_string())
}

fn basic(password: &str) -> OciAuth {
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
