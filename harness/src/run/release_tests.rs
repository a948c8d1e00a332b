//! The engine is of the release of the controllers that run, whoever has installed them.

use super::bootstrap_tests::{BETA, PLENTY, Place, play};
use crate::bootstrap::NAMESPACE;
use kube::api::Patch;
use rstest::rstest;
use seatrial_api::FluxRelease;
use serde_json::{Value, json};
use std::time::Duration;

impl Place {
    /// The Kustomization, looked at anew.
    async fn kustomization(&self) -> Value {
        self.object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", NAMESPACE).await
    }

    /// The API versions of OCIRepository.
    async fn versions(&self) -> Vec<String> {
        let name = "ocirepositories.source.toolkit.fluxcd.io";
        let (version, kind) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let found = self.cluster.objects.get(version, kind, None, name).await.unwrap().unwrap();
        let versions = found["spec"]["versions"].as_array().unwrap();
        versions.iter().map(|version| version["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn suspend(&self, suspend: bool) {
        let (version, kind) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
        let (objects, patch) = (&self.cluster.objects, Patch::Merge(json!({"spec": {"suspend": suspend}})));
        objects.patch(version, kind, Some(NAMESPACE), NAMESPACE, "kubectl", &patch).await.unwrap();
    }

    /// Puts another image into a controller's Deployment, as `kubectl set image` does.
    async fn set_image(&self, controller: &str, tag: &str) {
        let image = format!("ghcr.io/fluxcd/{controller}:{tag}");
        let containers = json!([{"name": "manager", "image": image}]);
        let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        let (objects, patch) = (&self.cluster.objects, Patch::Strategic(patch));
        objects.patch("apps/v1", "Deployment", Some(NAMESPACE), controller, "kubectl", &patch).await.unwrap();
    }
}

#[rstest]
#[case::none("", FluxRelease::V2_9)]
#[case::the_older_one("--version v2.2.3", FluxRelease::V2_2_3)]
#[case::the_newer_one("--version=v2.9", FluxRelease::V2_9)]
fn a_bootstrap_says_the_release(#[case] flag: &str, #[case] flux: FluxRelease) {
    let line = format!("{BETA} {flag}");
    play(async move |place| {
        let (ok, printed, _) = place.run(&line, PLENTY).await;
        assert!(ok, "{printed}");
        assert_eq!(place.cluster.flux(), flux);
        let newer = flux == FluxRelease::V2_9;
        assert_eq!(place.versions().await, [if newer { "v1" } else { "v1beta2" }]);
        // Flux 2.2.3 keeps no history.
        assert_eq!(!place.kustomization().await["status"]["history"].is_null(), newer);
    });
}

#[test]
fn an_image_that_somebody_sets_is_what_runs_until_flux_puts_its_own_back() {
    play(async |place| {
        let (ok, printed, _) = place.run(BETA, PLENTY).await;
        assert!(ok, "{printed}");
        let history = place.kustomization().await["status"]["history"].clone();
        assert!(!history.is_null());

        // A controller that starts looks at everything, and would put its own Deployment back at once.
        place.suspend(true).await;
        place.set_image("kustomize-controller", "v1.2.2").await;
        place.clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(place.cluster.flux(), FluxRelease::V2_2_3);

        place.suspend(false).await;
        place.clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(place.cluster.flux(), FluxRelease::V2_9, "drift of the Deployment is corrected");
        let found = place.kustomization().await;
        assert_eq!(found["status"]["conditions"][0]["status"], "True", "{found}");
    });
}

#[test]
fn pods_that_do_not_come_up_replace_nobody() {
    play(async |place| {
        let (ok, printed, _) = place.run(BETA, PLENTY).await;
        assert!(ok, "{printed}");
        let containers = json!([{"name": "manager", "image": "ghcr.io/fluxcd/kustomize-controller:v1.2.2", "command": null}]);
        let selector = json!({"kubernetes.io/os": "windows"});
        let spec = json!({"containers": containers, "nodeSelector": selector});
        let patch = Patch::Strategic(json!({"spec": {"template": {"spec": spec}}}));
        let objects = &place.cluster.objects;
        let name = "kustomize-controller";
        objects.patch("apps/v1", "Deployment", Some(NAMESPACE), name, "kubectl", &patch).await.unwrap();
        place.clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(place.cluster.flux(), FluxRelease::V2_9);
    });
}
