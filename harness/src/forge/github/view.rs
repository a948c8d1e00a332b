//! How things look in GitHub's API.

use crate::forge::hooks::Move;
use crate::forge::{
    CommitInfo, DEFAULT_USER, DeployKey, Forge, Hosted, Organization, Permission, Repo, Team, User, Webhook,
};
use git2::Oid;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A time to the second, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn user(forge: &Forge, user: &User) -> Value {
    account(forge, &user.login, user.id, "User")
}

/// What GitHub calls a simple user: a person or an organization.
fn account(forge: &Forge, login: &str, id: u64, kind: &str) -> Value {
    let site = forge.site();
    json!({
        "login": login,
        "id": id,
        "node_id": format!("N_{id}"),
        "type": kind,
        "site_admin": false,
        "url": format!("{}/users/{login}", site.api),
        "html_url": format!("{}/{login}", site.web),
        "repos_url": format!("{}/users/{login}/repos", site.api),
    })
}

pub(super) fn organization(forge: &Forge, organization: &Organization) -> Value {
    let (site, login) = (forge.site(), &organization.login);
    let mut shown = account(forge, login, organization.id, "Organization");
    shown["url"] = format!("{}/orgs/{login}", site.api).into();
    shown["repos_url"] = format!("{}/orgs/{login}/repos", site.api).into();
    shown["hooks_url"] = format!("{}/orgs/{login}/hooks", site.api).into();
    shown["description"] = Value::Null;
    shown["name"] = login.clone().into();
    shown["two_factor_requirement_enabled"] = false.into();
    shown
}

/// The user or organization of that name.
pub(super) fn owner(forge: &Forge, login: &str) -> Value {
    match (forge.user(login), forge.organization(login)) {
        (Ok(found), _) => user(forge, &found),
        (_, Ok(found)) => account(forge, &found.login, found.id, "Organization"),
        _ => account(forge, login, 0, "User"),
    }
}

pub(super) fn team(forge: &Forge, organization: &Organization, slug: &str, team: &Team) -> Value {
    let url = format!("{}/orgs/{}/teams/{slug}", forge.site().api, organization.login);
    json!({
        "id": team.id,
        "node_id": format!("T_{}", team.id),
        "name": team.name,
        "slug": slug,
        "description": Value::Null,
        "privacy": "closed",
        "permission": "pull",
        "url": url,
        "members_url": format!("{url}/members{{/member}}"),
        "repositories_url": format!("{url}/repos"),
    })
}

/// `{"pull": true, ...}`.
pub(super) fn permissions(permission: Option<Permission>) -> Value {
    Permission::ALL
        .into_iter()
        .map(|one| (one.word().to_owned(), Value::Bool(Some(one) <= permission)))
        .collect()
}

/// A repository; with what somebody may do with it, where that is known.
pub(super) fn repository(
    forge: &Forge,
    repo: &Repo,
    hosted: &Hosted,
    may: Option<Option<Permission>>,
) -> Value {
    let (site, full_name) = (forge.site(), hosted.full_name());
    let (url, page) = (format!("{}/repos/{full_name}", site.api), format!("{}/{full_name}", site.web));
    let git = site.web.split_once("://").map_or(site.web.as_str(), |(_, rest)| rest);
    let visibility = if hosted.private { "private" } else { "public" };
    let pushed = repo.head_branch().and_then(|branch| repo.info(&branch)).map(|info| time(info.time));
    let mut shown = json!({
        "id": hosted.id,
        "node_id": format!("R_{}", hosted.id),
        "name": hosted.name,
        "full_name": full_name,
        "owner": owner(forge, &hosted.owner),
        "private": hosted.private,
        "visibility": visibility,
        "description": hosted.description,
        "homepage": hosted.homepage,
        "fork": false,
        "archived": false,
        "disabled": false,
        "is_template": hosted.template,
        "default_branch": repo.head_branch().unwrap_or_default(),
        "created_at": time(hosted.created_at),
        "updated_at": pushed.as_deref().unwrap_or(&time(hosted.created_at)),
        "pushed_at": pushed.as_deref().unwrap_or(&time(hosted.created_at)),
        "url": url,
        "html_url": page,
        "clone_url": format!("{page}.git"),
        "git_url": format!("git://{git}/{full_name}.git"),
        "ssh_url": format!("{}{full_name}.git", site.ssh),
        "branches_url": format!("{url}/branches{{/branch}}"),
        "commits_url": format!("{url}/commits{{/sha}}"),
        "hooks_url": format!("{url}/hooks"),
        "keys_url": format!("{url}/keys{{/key_id}}"),
        "teams_url": format!("{url}/teams"),
    });
    if let Some(permission) = may {
        shown["permissions"] = permissions(permission.or((!hosted.private).then_some(Permission::Pull)));
    }
    shown
}

pub(super) fn key(forge: &Forge, hosted: &Hosted, key: &DeployKey) -> Value {
    json!({
        "id": key.id,
        "key": key.key.to_string(),
        "url": format!("{}/repos/{}/keys/{}", forge.site().api, hosted.full_name(), key.id),
        "title": key.title,
        "verified": true,
        "created_at": time(key.created_at),
        "read_only": key.read_only,
        "added_by": key.added_by,
        "last_used": Value::Null,
    })
}

pub(super) fn hook(forge: &Forge, hosted: &Hosted, hook: &Webhook) -> Value {
    let url = format!("{}/repos/{}/hooks/{}", forge.site().api, hosted.full_name(), hook.id);
    let mut config = json!({
        "url": hook.url,
        "content_type": if hook.form { "form" } else { "json" },
        "insecure_ssl": "0",
    });
    if hook.secret.is_some() {
        config["secret"] = "********".into();
    }
    json!({
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": config,
        "created_at": time(hook.created_at),
        "updated_at": time(hook.created_at),
        "url": url,
        "ping_url": format!("{url}/pings"),
    })
}

fn person(name: &str, email: &str, at: Timestamp) -> Value {
    json!({"name": name, "email": email, "date": time(at)})
}

/// A commit, as lists and branches have it.
pub(super) fn commit(forge: &Forge, hosted: &Hosted, info: &CommitInfo) -> Value {
    let (site, full_name, sha) = (forge.site(), hosted.full_name(), info.id.to_string());
    let by = person(&info.author.name, &info.author.email, info.time);
    let parent = |id: &crate::forge::CommitId| json!({"sha": id.to_string(), "url": format!("{}/repos/{full_name}/commits/{id}", site.api)});
    json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "commit": {
            "author": by,
            "committer": by,
            "message": info.message.trim_end(),
            "tree": {
                "sha": info.tree,
                "url": format!("{}/repos/{full_name}/git/trees/{}", site.api, info.tree),
            },
            "url": format!("{}/repos/{full_name}/git/commits/{sha}", site.api),
            "comment_count": 0,
        },
        "url": format!("{}/repos/{full_name}/commits/{sha}", site.api),
        "html_url": format!("{}/{full_name}/commit/{sha}", site.web),
        "author": Value::Null,
        "committer": Value::Null,
        "parents": info.parents.iter().map(parent).collect::<Value>(),
    })
}

/// What a webhook is told of a push.
pub(in crate::forge) fn push_payload(forge: &Forge, repo: &Repo, hosted: &Hosted, moved: &Move) -> Value {
    let zero = "0".repeat(40);
    let text = |id: Option<Oid>| id.map_or(zero.clone(), |id| id.to_string());
    let (site, full_name) = (forge.site(), hosted.full_name());
    let new = moved.after.map(|after| repo.since(after, moved.before)).unwrap_or_default();
    let shown = |info: &CommitInfo| {
        let by = json!({"name": info.author.name, "email": info.author.email});
        let files = repo.changes_of(info.id).unwrap_or_default();
        json!({
            "id": info.id.to_string(),
            "tree_id": info.tree,
            "distinct": true,
            "message": info.message.trim_end(),
            "timestamp": time(info.time),
            "url": format!("{}/{full_name}/commit/{}", site.web, info.id),
            "author": by,
            "committer": by,
            "added": files.added,
            "removed": files.removed,
            "modified": files.modified,
        })
    };
    let commits: Vec<Value> = new.iter().rev().map(shown).collect();
    let head = moved.after.and_then(|id| repo.info(&id.to_string()).ok()).map(|info| shown(&info));
    let forced = match (moved.before, moved.after) {
        (Some(before), Some(after)) => !repo.contains(after, before),
        _ => false,
    };
    let (before, after) = (text(moved.before), text(moved.after));
    let short = |id: &str| id.get(..12).unwrap_or_default().to_owned();
    let sender = if forge.user(&hosted.owner).is_ok() { hosted.owner.as_str() } else { DEFAULT_USER };
    json!({
        "ref": moved.reference,
        "before": before,
        "after": after,
        "created": moved.before.is_none(),
        "deleted": moved.after.is_none(),
        "forced": forced,
        "base_ref": Value::Null,
        "compare": format!("{}/{full_name}/compare/{}...{}", site.web, short(&before), short(&after)),
        "commits": commits,
        "head_commit": head,
        "repository": repository(forge, repo, hosted, None),
        "pusher": {"name": sender, "email": format!("{sender}@localhost")},
        "sender": owner(forge, sender),
    })
}
