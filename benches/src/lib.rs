//! What the benches work on: a monorepo of any size, in memory.

use seatrial_render::Tree;
use std::fmt::Write;

/// A monorepo of `services` services, each with a base and an overlay for beta, and `config/beta` that lists them all.
/// Each service renders to three objects.
pub fn monorepo(services: usize) -> Tree {
    let mut tree = Tree::new();
    let mut list = String::from(HEADER);
    list.push_str("resources:\n");
    for index in 0..services {
        let name = format!("svc-{index:05}");
        let base = format!("applications/p{}/{name}", index % 10);
        tree = tree
            .with_file(&format!("{base}/base/kustomization.yaml"), base_kustomization(&name))
            .with_file(&format!("{base}/base/deployment.yaml"), deployment(&name))
            .with_file(&format!("{base}/base/service.yaml"), service(&name))
            .with_file(&format!("{base}/base/env"), format!("FOO=foo\nNAME={name}\n"))
            .with_file(&format!("{base}/overlays/beta/kustomization.yaml"), overlay(&name))
            .with_file(&format!("{base}/overlays/beta/env"), "FOO=beta\n".to_owned())
            .with_file(&format!("{base}/overlays/beta/patch.yaml"), replicas(&name, 2));
        // Writing to a String does not fail.
        let _ = writeln!(list, "- ../../{base}/overlays/beta");
    }
    tree.with_file("config/beta/kustomization.yaml", list)
}

/// The same tree after a commit that changes one service's patch.
pub fn one_change(tree: &Tree, replicas_now: u32) -> Tree {
    tree.with_file("applications/p0/svc-00000/overlays/beta/patch.yaml", replicas("svc-00000", replicas_now))
}

const HEADER: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

fn base_kustomization(name: &str) -> String {
    format!(
        "{HEADER}namespace: default\ncommonLabels:\n  app: {name}\nresources:\n- deployment.yaml\n- service.yaml\n\
         configMapGenerator:\n- name: env-{name}\n  envs: [env]\n"
    )
}

fn overlay(name: &str) -> String {
    format!(
        "{HEADER}resources:\n- ../../base\nconfigMapGenerator:\n- name: env-{name}\n  namespace: default\n  \
         behavior: merge\n  envs: [env]\npatches:\n- path: patch.yaml\n"
    )
}

fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: {name}\n        image: example.test/{name}:1.0.0\n        envFrom:\n        \
         - configMapRef:\n            name: env-{name}\n"
    )
}

fn service(name: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n  - port: 80\n")
}

fn replicas(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: default\nspec:\n  \
         replicas: {replicas}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use seatrial_render::{Options, Renderer};

    #[test]
    fn a_monorepo_renders_to_three_objects_for_each_service() {
        let (renderer, options) = (Renderer::new(), Options::default());
        let tree = monorepo(4);
        let built = renderer.build(&tree, "config/beta", &options).unwrap();
        assert_eq!(built.objects.len(), 12);
        let changed = renderer.build(&one_change(&tree, 7), "config/beta", &options).unwrap();
        assert_ne!(built.to_yaml().unwrap(), changed.to_yaml().unwrap());
    }
}
