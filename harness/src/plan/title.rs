//! What a step is called where the scenario gives it no name.

use super::{Check, Op, Timing, VerbOp};
use crate::scenario::{KeyAction, Span};
use crate::shell;
use seatrial_verbs::without_secrets;
use std::fmt;

impl fmt::Debug for VerbOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("VerbOp");
        shown.field("cluster", &self.cluster).field("words", &without_secrets(&self.words));
        shown.field("expect", &self.expect).field("fails", &self.fails).finish()
    }
}

/// Says in one line what a step does.
pub(super) fn title(op: &Op) -> String {
    match op {
        Op::AddCluster(cluster) => format!("add cluster {}", cluster.name),
        Op::Bootstrap { cluster, repo, following } => {
            format!("bootstrap {cluster} from {} of {repo}", following.sync.path)
        }
        Op::Commit { repo, message, .. } => {
            format!("commit to {repo}: {}", message.lines().next().unwrap_or_default())
        }
        Op::Branch { repo, name, from } => format!("create branch {name} of {repo} from {from}"),
        Op::Merge { repo, from, into, .. } => format!("merge {from} into {into} of {repo}"),
        Op::Revert { repo, commit: Some(commit), .. } => format!("revert {commit} of {repo}"),
        Op::Revert { repo, branch, commit: None, .. } => {
            format!("revert the last commit of {repo} on {branch}")
        }
        Op::Toggle { env, service, enable: true, .. } => format!("enable {service} on {env}"),
        Op::Toggle { env, service, enable: false, .. } => format!("disable {service} on {env}"),
        Op::Verb(verb) => {
            let words: Vec<String> =
                without_secrets(&verb.words).iter().map(|word| shell::word(word)).collect();
            format!("{} on {}", words.join(" "), verb.cluster)
        }
        Op::Services(services) => match &services.project {
            Some(project) => format!("list the services of {project} on {}", services.env),
            None => format!("list all services on {}", services.env),
        },
        Op::Push { image, .. } => format!("push {image}"),
        Op::ExpectIsolated { cluster } => {
            let whose = cluster.as_deref().unwrap_or("every cluster");
            format!("expect that image automations of {whose} leave the files of others alone")
        }
        Op::SetRegistry { repository, .. } => format!("change how the registry answers for {repository}"),
        Op::DeleteTag { image } => format!("delete the tag {image}"),
        Op::ExpectCommit { repo, branch, within: Some(time), .. } => {
            format!("expect a commit on {branch} of {repo} within {}", Span(*time))
        }
        Op::ExpectCommit { repo, branch, within: None, .. } => {
            format!("expect a commit on {branch} of {repo}")
        }
        Op::CreateRepository { organization, name, template, refused, .. } => {
            let from = template.as_ref().map(|template| format!(" from {template}")).unwrap_or_default();
            let refused = if refused.is_some() { "be refused: " } else { "" };
            format!("{refused}create repository {organization}/{name}{from}")
        }
        Op::AddDeployKey { repo, title, read_write, .. } => {
            let may = if *read_write { "read-write" } else { "read-only" };
            format!("add the {may} deploy key {title} to {repo}")
        }
        Op::RemoveDeployKey { repo, title } => format!("remove the deploy key {title} from {repo}"),
        Op::ExpectDeployKey { repo, title, absent: true, .. } => {
            format!("expect no deploy key {title} of {repo}")
        }
        Op::ExpectDeployKey { repo, title, .. } => format!("expect the deploy key {title} of {repo}"),
        Op::Reconcile { cluster, kind, name, with_source, .. } => {
            let source = if *with_source { " with its source" } else { "" };
            format!("reconcile {kind}/{name}{source} on {cluster}")
        }
        Op::Advance(time) => format!("let {} pass", Span(*time)),
        Op::Apply { cluster, objects, .. } => match objects.as_slice() {
            [one] => format!(
                "apply {}/{} on {cluster}",
                one["kind"].as_str().unwrap_or_default(),
                one["metadata"]["name"].as_str().unwrap_or_default()
            ),
            many => format!("apply {} objects on {cluster}", many.len()),
        },
        Op::Delete { cluster, target } => format!("delete {target} on {cluster}"),
        Op::Patch { cluster, target, .. } => format!("patch {target} on {cluster}"),
        Op::SetProfile { cluster, profiles } => match profiles.len() {
            0 => format!("make everything ready on {cluster}"),
            count => format!("set {count} profile{} on {cluster}", if count == 1 { "" } else { "s" }),
        },
        Op::Seal(seal) => {
            let name = seal.secret["metadata"]["name"].as_str().unwrap_or_default();
            format!("seal {name} for {} into {} of {}", seal.cluster, seal.to, seal.repo)
        }
        Op::SealingKeys { cluster, action, .. } => {
            let verb = match action {
                KeyAction::Rotate => "rotate",
                KeyAction::Backup => "back up",
                KeyAction::Lose => "lose",
                KeyAction::Restore => "restore",
            };
            format!("{verb} the sealing keys of {cluster}")
        }
        Op::Expect { clusters, timing, check } => {
            let on = clusters.join(", ");
            let what = check.label();
            match timing {
                Timing::Now => format!("expect {what} on {on}"),
                Timing::Within(time) => format!("expect {what} on {on} within {}", Span(*time)),
                Timing::Never(time) => format!("never {what} on {on} for {}", Span(*time)),
            }
        }
    }
}

impl Check {
    /// What is wanted, in a few words.
    pub(crate) fn label(&self) -> String {
        match self {
            Check::Resource(wanted) => wanted.label(),
            Check::Absent(wanted) => format!("no {}", wanted.label().trim_start_matches("any ")),
            Check::Condition { kind, name, type_, status, reason, .. } => {
                let reason = reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
                format!("{kind}/{name} {type_}={status}{reason}")
            }
            Check::Revision { name, repo, branch, .. } => {
                format!("Kustomization/{name} at the tip of {repo}@{branch}")
            }
            Check::Cel(text) => text.clone(),
            Check::Secret(secret) => {
                format!("Secret/{}/{}", secret.namespace.as_deref().unwrap_or("default"), secret.name)
            }
        }
    }
}
