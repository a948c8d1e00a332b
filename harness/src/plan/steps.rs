//! Scenario to plan.

use super::commit::message;
use super::title::title;
use super::{
    Check, ClusterPlan, Edits, ObjectWanted, Op, PatchKind, Plan, PlannedStep, RepoPlan, ServicesOp, Timing,
    VerbOp,
};
use crate::bootstrap::{Component, Following, Sync};
use crate::check::default_namespace;
use crate::registry::{Build, Rule};
use crate::scenario::{
    Action, ClusterSpec, Commit, Content, Expect, GitAccessSpec, Located, PatchObject, PatchSource,
    Reconcile, Spec, context_of,
};
use serde_json::Value;

/// Resolves a scenario. Names that the scenario leaves out because there is only one to choose are filled in.
pub fn plan(located: &Located) -> Plan {
    let (scenario, spec) = (&located.scenario, &located.scenario.spec);
    let names = Names::of(spec);
    let steps = spec.steps.iter().enumerate().map(|(index, step)| {
        let op = names.op(&step.action, step.name.as_deref(), located, index);
        PlannedStep {
            line: located.step_lines.get(index).copied().unwrap_or(located.line),
            verb: step.action.verb(),
            title: step.name.clone().unwrap_or_else(|| title(&op)),
            op,
        }
    });
    Plan {
        id: located.file.display().to_string(),
        file: located.file.clone(),
        line: located.line,
        name: scenario.metadata.name.clone(),
        seed: spec.seed,
        clusters: spec.clusters.iter().map(|(name, spec)| cluster(name, spec)).collect(),
        repos: spec
            .git
            .iter()
            .map(|(name, git)| RepoPlan {
                name: name.clone(),
                from: git.from.as_ref().map(|from| located.folder().join(from)),
                branch: git.branch().to_owned(),
                urls: git.urls(name),
                checked: git.access == Some(GitAccessSpec::Checked),
                private: git.private.unwrap_or_default(),
                template: git.template.unwrap_or_default(),
            })
            .collect(),
        forge: spec.forge.clone().unwrap_or_default(),
        images: spec.registry.clone(),
        steps: steps.collect(),
    }
}

fn cluster(name: &str, spec: &ClusterSpec) -> ClusterPlan {
    let kubernetes = spec.kubernetes.as_deref().map(|v| format!("v{}", v.trim_start_matches('v')));
    ClusterPlan {
        name: name.to_owned(),
        // The schema allows only releases that are known.
        flux: spec.flux.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default(),
        kubernetes,
        unknown_images: spec.unknown_images.unwrap_or_default(),
        profiles: spec.profiles.clone(),
    }
}

/// What is chosen where a step names nothing.
struct Names<'a> {
    spec: &'a Spec,
}

impl<'a> Names<'a> {
    fn of(spec: &'a Spec) -> Names<'a> {
        Names { spec }
    }

    /// The cluster of the step at `index`: the one that is named, else the only one that there is by then.
    fn cluster(&self, given: Option<&String>, index: usize) -> String {
        let added = self.spec.steps[..index].iter().filter_map(|step| match &step.action {
            Action::AddCluster(add) => Some(&add.name),
            _ => None,
        });
        given.or_else(|| self.spec.clusters.keys().chain(added).next()).cloned().unwrap_or_default()
    }

    fn repo(&self, given: Option<&String>) -> String {
        given.or_else(|| self.spec.git.keys().next()).cloned().unwrap_or_default()
    }

    fn branch(&self, repo: &str, given: Option<&String>) -> String {
        given.map_or_else(|| super::forge::branch(self.spec, repo), String::as_str).to_owned()
    }

    fn op(&self, action: &Action, name: Option<&str>, located: &Located, index: usize) -> Op {
        match action {
            Action::AddCluster(add) => Op::AddCluster(cluster(&add.name, &add.spec())),
            Action::Bootstrap(b) => {
                let repo = self.repo(b.repo.as_ref());
                let urls = super::forge::urls(self.spec, &repo);
                let mut components: Vec<Component> = match b.components.is_empty() {
                    true => Component::USUAL.to_vec(),
                    false => b.components.iter().map(|component| component.component()).collect(),
                };
                components.extend(b.components_extra.iter().map(|extra| extra.component()));
                let sync = Sync {
                    url: urls.into_iter().next().unwrap_or_default(),
                    branch: self.branch(&repo, b.branch.as_ref()),
                    path: b.path.trim_start_matches("./").trim_matches('/').to_owned(),
                };
                let following = Following {
                    sync,
                    components,
                    read_write: b.read_write_key,
                    algorithm: b.ssh_key_algorithm.map(|kind| kind.algorithm()).unwrap_or_default(),
                    token_auth: b.token_auth,
                    flux: b.version.as_deref().and_then(|text| text.parse().ok()),
                };
                Op::Bootstrap { cluster: self.cluster(b.cluster.as_ref(), index), following, repo }
            }
            Action::Verb(verb) => {
                // The file has been checked: the words can be read.
                let (context, words) = context_of(&verb.args).unwrap_or_default();
                let cluster = self.cluster(verb.cluster.as_ref().or(context.as_ref()), index);
                Op::Verb(VerbOp { cluster, words, expect: verb.expect.clone(), fails: verb.fails })
            }
            Action::Services(services) => {
                let repo = self.repo(services.repo.as_ref());
                Op::Services(ServicesOp {
                    branch: self.branch(&repo, services.branch.as_ref()),
                    env: services.env.clone(),
                    project: services.project.clone(),
                    added: services.added.clone(),
                    alias: services.alias.clone(),
                    repo,
                })
            }
            Action::Commit(commit) => self.commit(commit, name, located),
            Action::Branch(branch) => {
                let repo = self.repo(branch.repo.as_ref());
                Op::Branch { name: branch.name.clone(), from: self.branch(&repo, branch.from.as_ref()), repo }
            }
            Action::Merge(merge) => {
                let repo = self.repo(merge.repo.as_ref());
                Op::Merge {
                    from: merge.from.clone(),
                    into: self.branch(&repo, merge.into.as_ref()),
                    how: merge.how,
                    message: merge.message.clone(),
                    alias: merge.alias.clone(),
                    repo,
                }
            }
            Action::Revert(revert) => {
                let repo = self.repo(revert.repo.as_ref());
                Op::Revert {
                    branch: self.branch(&repo, revert.branch.as_ref()),
                    commit: revert.commit.clone().filter(|name| name != "last"),
                    message: revert.message.clone(),
                    alias: revert.alias.clone(),
                    repo,
                }
            }
            Action::Enable(toggle) | Action::Disable(toggle) => {
                let repo = self.repo(toggle.repo.as_ref());
                Op::Toggle {
                    branch: self.branch(&repo, toggle.branch.as_ref()),
                    env: toggle.env.clone(),
                    service: toggle.service.clone(),
                    enable: matches!(action, Action::Enable(_)),
                    alias: toggle.alias.clone(),
                    repo,
                }
            }
            Action::Push(push) => Op::Push {
                image: push.image.clone(),
                from: push.from.as_ref().map(|from| located.folder().join(from)),
                // The file has been checked.
                build: Build::pushed(push).unwrap_or_default(),
            },
            Action::ExpectIsolated(expect) => Op::ExpectIsolated { cluster: expect.cluster.clone() },
            Action::SetRegistry(set) => {
                Op::SetRegistry { repository: set.repository.clone(), rule: Rule::from(set) }
            }
            Action::DeleteTag(delete) => Op::DeleteTag { image: delete.image.clone() },
            Action::ExpectCommit(expect) => {
                let repo = self.repo(expect.repo.as_ref());
                Op::ExpectCommit {
                    branch: self.branch(&repo, expect.branch.as_ref()),
                    within: expect.within.map(|span| span.0),
                    wanted: Box::new(expect.clone()),
                    repo,
                }
            }
            Action::CreateRepository(create) => super::forge::create(create),
            Action::DeployKey(key) => {
                let cluster = self.cluster(key.cluster.as_ref(), index);
                super::forge::deploy_key(key, self.repo(key.repo.as_ref()), cluster)
            }
            Action::ExpectDeployKey(expect) => Op::ExpectDeployKey {
                repo: self.repo(expect.repo.as_ref()),
                title: expect.title.clone(),
                read_only: expect.read_only,
                absent: expect.absent,
            },
            Action::Reconcile(reconcile) => self.reconcile(reconcile, index),
            Action::Advance(span) => Op::Advance(span.0),
            Action::Apply(apply) => Op::Apply {
                cluster: self.cluster(apply.cluster.as_ref(), index),
                objects: match (&apply.from, &apply.object) {
                    (Some(from), _) => located.files.objects.get(from).cloned().unwrap_or_default(),
                    (None, object) => object.iter().cloned().collect(),
                },
                manager: apply.manager.clone().unwrap_or_else(|| "kubectl".to_owned()),
                force: apply.force,
            },
            Action::Delete(delete) => Op::Delete {
                cluster: self.cluster(delete.cluster.as_ref(), index),
                target: delete.target.clone(),
            },
            Action::Patch(patch) => self.patch(patch, index),
            Action::SetProfile(set) => Op::SetProfile {
                cluster: self.cluster(set.cluster.as_ref(), index),
                profiles: set.profiles.clone(),
            },
            Action::Seal(seal) => {
                let repo = self.repo(seal.repo.as_ref());
                let branch = self.branch(&repo, seal.branch.as_ref());
                super::sealed::seal(seal, self.cluster(seal.cluster.as_ref(), index), (repo, branch), name)
            }
            Action::SealingKeysStep(step) => {
                super::sealed::keys(step, self.cluster(step.cluster.as_ref(), index))
            }
            Action::Expect(expect) => self.expect(expect, index),
        }
    }

    fn commit(&self, commit: &Commit, name: Option<&str>, located: &Located) -> Op {
        let repo = self.repo(commit.repo.as_ref());
        let patches = match &commit.patch {
            None => Vec::new(),
            Some(PatchSource::Inline(patches)) => patches.clone(),
            Some(PatchSource::File(file)) => located.files.patches.get(file).cloned().unwrap_or_default(),
        };
        let content = |content: &Content| match content {
            Content::Text(text) => text.clone().into_bytes(),
            Content::File(file) => located.files.contents.get(&file.from).cloned().unwrap_or_default(),
        };
        let write = commit.write.iter().map(|(path, c)| (path.clone(), content(c))).collect();
        let edits = Edits { patches, write, remove: commit.remove.clone() };
        Op::Commit {
            branch: self.branch(&repo, commit.branch.as_ref()),
            message: message(commit.message.as_deref().or(name), &edits),
            author: commit.author.as_ref().map(|a| (a.name.clone(), a.email.clone())),
            edits,
            alias: commit.alias.clone(),
            repo,
        }
    }

    fn reconcile(&self, reconcile: &Reconcile, index: usize) -> Op {
        let (kind, name) = match (&reconcile.kustomization, &reconcile.source) {
            (Some(name), _) => ("Kustomization", name.clone()),
            (None, Some(name)) => ("GitRepository", name.clone()),
            (None, None) => match (&reconcile.image_repository, &reconcile.image_policy) {
                (Some(name), _) => ("ImageRepository", name.clone()),
                (None, Some(name)) => ("ImagePolicy", name.clone()),
                (None, None) => ("ImageUpdateAutomation", reconcile.image_update.clone().unwrap_or_default()),
            },
        };
        Op::Reconcile {
            cluster: self.cluster(reconcile.cluster.as_ref(), index),
            kind,
            namespace: reconcile.namespace.clone().unwrap_or_else(|| "flux-system".to_owned()),
            name,
            with_source: reconcile.with_source,
        }
    }

    fn patch(&self, patch: &PatchObject, index: usize) -> Op {
        let (kind, value) = match (&patch.merge, &patch.strategic, &patch.json) {
            (Some(value), _, _) => (PatchKind::Merge, value.clone()),
            (None, Some(value), _) => (PatchKind::Strategic, value.clone()),
            (None, None, operations) => {
                (PatchKind::Json, Value::Array(operations.clone().unwrap_or_default()))
            }
        };
        Op::Patch {
            cluster: self.cluster(patch.cluster.as_ref(), index),
            target: patch.target.clone(),
            kind,
            patch: value,
        }
    }

    fn expect(&self, expect: &Expect, index: usize) -> Op {
        let clusters = match expect.clusters.as_slice() {
            [] => vec![self.cluster(expect.cluster.as_ref(), index)],
            clusters => clusters.to_vec(),
        };
        let timing = match (expect.within, expect.never) {
            (Some(within), _) => Timing::Within(within.0),
            (None, Some(never)) => Timing::Never(never.0),
            (None, None) => Timing::Now,
        };
        Op::Expect { clusters, timing, check: self.check(expect) }
    }

    fn check(&self, expect: &Expect) -> Check {
        if let Some(partial) = &expect.resource {
            return Check::Resource(wanted(partial));
        }
        if let Some(partial) = &expect.absent {
            return Check::Absent(wanted(partial));
        }
        if let Some(c) = &expect.condition {
            return Check::Condition {
                api_version: c.api_version.clone(),
                kind: c.kind.clone(),
                namespace: c.namespace.clone().or_else(|| default_namespace(&c.kind).map(str::to_owned)),
                name: c.name.clone(),
                type_: c.type_.clone().unwrap_or_else(|| "Ready".to_owned()),
                status: c.status.clone().unwrap_or_else(|| "True".to_owned()),
                reason: c.reason.clone(),
                message: c.message.clone(),
            };
        }
        if let Some(revision) = &expect.revision {
            let of = revision.of.clone().unwrap_or_else(|| self.repo(None));
            let (repo, branch) = match of.split_once('@') {
                Some((repo, branch)) => (repo.to_owned(), Some(branch.to_owned())),
                None => (of, None),
            };
            return Check::Revision {
                namespace: revision.namespace.clone().unwrap_or_else(|| "flux-system".to_owned()),
                name: revision.kustomization.clone(),
                branch: self.branch(&repo, branch.as_ref()),
                repo,
            };
        }
        if let Some(secret) = &expect.secret {
            return Check::Secret(secret.clone());
        }
        Check::Cel(expect.cel.clone().unwrap_or_default())
    }
}

fn wanted(partial: &Value) -> ObjectWanted {
    let text = |field: &str| partial[field].as_str().unwrap_or_default().to_owned();
    ObjectWanted { api_version: text("apiVersion"), kind: text("kind"), partial: partial.clone() }
}
