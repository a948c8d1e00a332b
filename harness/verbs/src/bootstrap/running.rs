//! Which release runs on a cluster.

use super::component::Component;
use seatrial_api::FluxRelease;
use seatrial_api::release::same_minor;
use serde_json::Value;
use std::sync::Arc;

/// Whose Deployment says it, before the others: it applies what the release consists of.
const FIRST: [Component; 2] = [Component::KustomizeController, Component::SourceController];

/// The release of the controllers that run in a namespace with these Deployments. A Deployment counts when it is rolled out: until
/// then the old pods work. None where there is none of a controller that is of a release that is emulated.
pub fn release_of(deployments: &[Arc<Value>]) -> Option<FluxRelease> {
    FIRST.into_iter().chain(Component::ALL).find_map(|component| {
        let named = |one: &&Arc<Value>| one["metadata"]["name"] == component.name();
        let found = deployments.iter().find(named).filter(|one| is_rolled_out(one))?;
        of_image(component, found).or_else(|| of_label(found))
    })
}

/// By the tag of the controller's image, wherever it comes from.
fn of_image(component: Component, deployment: &Value) -> Option<FluxRelease> {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array()?;
    containers.iter().find_map(|container| {
        let image = container["image"].as_str()?;
        let image = image.split_once('@').map_or(image, |(image, _)| image);
        let last = image.rsplit_once('/').map_or(image, |(_, last)| last);
        let (_, tag) = last.split_once(':').filter(|(name, _)| *name == component.name())?;
        let of = |flux: &FluxRelease| component.tag(*flux).is_some_and(|known| same_minor(known, tag));
        FluxRelease::ALL.into_iter().find(of)
    })
}

/// By the label: where another image stands in the controller's place, or a digest alone names it.
fn of_label(deployment: &Value) -> Option<FluxRelease> {
    FluxRelease::of_version(deployment["metadata"]["labels"]["app.kubernetes.io/version"].as_str()?)
}

/// Whether there are pods, all of the Deployment's own template.
fn is_rolled_out(deployment: &Value) -> bool {
    let status = &deployment["status"];
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    let wanted = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    deployment["metadata"]["deletionTimestamp"].is_null()
        && wanted > 0
        && status["observedGeneration"] == deployment["metadata"]["generation"]
        && count("updatedReplicas") == wanted
        && count("replicas") == wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    const OLD: (&str, &str) = ("ghcr.io/fluxcd/NAME:v1.2.2", "v2.2.3");
    const NEW: (&str, &str) = ("ghcr.io/fluxcd/NAME:v1.9.0", "v2.9.0");

    fn deployment(name: &str, (image, label): (&str, &str), updated: u32) -> Arc<Value> {
        Arc::new(json!({
            "metadata": {"name": name, "generation": 2, "labels": {"app.kubernetes.io/version": label}},
            "spec": {
                "replicas": 1,
                "template": {"spec": {"containers": [{"image": image.replace("NAME", name)}]}},
            },
            "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": updated},
        }))
    }

    #[rstest]
    #[case::by_the_image(NEW, Some(FluxRelease::V2_9))]
    #[case::an_older_image(OLD, Some(FluxRelease::V2_2_3))]
    #[case::a_later_patch(("ghcr.io/fluxcd/NAME:v1.9.5", ""), Some(FluxRelease::V2_9))]
    #[case::a_mirror_with_a_digest(("10.0.0.1:5000/x/NAME:v1.9.5@sha256:00", ""), Some(FluxRelease::V2_9))]
    #[case::the_image_is_what_runs(("ghcr.io/fluxcd/NAME:v1.2.2", "v2.9.0"), Some(FluxRelease::V2_2_3))]
    #[case::no_registry(("NAME:v1.9.5", ""), Some(FluxRelease::V2_9))]
    #[case::a_placeholder(("registry.k8s.io/pause:3.10", "v2.2.3"), Some(FluxRelease::V2_2_3))]
    #[case::a_digest_alone(("ghcr.io/fluxcd/NAME@sha256:00", "v2.9.5"), Some(FluxRelease::V2_9))]
    #[case::another_release(("ghcr.io/fluxcd/NAME:v1.6.1", "v2.6.4"), None)]
    fn a_controller_says_its_release(#[case] of: (&str, &str), #[case] want: Option<FluxRelease>) {
        assert_eq!(release_of(&[deployment("kustomize-controller", of, 1)]), want);
    }

    #[test]
    fn a_controller_without_pods_says_nothing() {
        let mut none = (*deployment("kustomize-controller", NEW, 0)).clone();
        none["spec"]["replicas"] = 0.into();
        none["status"]["replicas"] = 0.into();
        assert_eq!(release_of(&[Arc::new(none)]), None);
    }

    #[rstest]
    #[case::not_rolled_out(1, 0, Some(FluxRelease::V2_2_3))]
    #[case::rolled_out(1, 1, Some(FluxRelease::V2_9))]
    #[case::nothing_is(0, 0, None)]
    fn old_pods_work_until_the_new_ones_do(
        #[case] source: u32,
        #[case] kustomize: u32,
        #[case] want: Option<FluxRelease>,
    ) {
        let all = [
            deployment("source-controller", ("ghcr.io/fluxcd/NAME:v1.2.4", ""), source),
            deployment("kustomize-controller", NEW, kustomize),
            deployment("web", NEW, 1),
        ];
        assert_eq!(release_of(&all), want);
    }
}
