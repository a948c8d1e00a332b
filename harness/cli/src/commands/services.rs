//! `seatrial services`: which services an environment deploys.

use crate::exit_code::Exit;
use crate::output;
use seatrial_harness::monorepo::{FleetFolder, Listing, MonorepoError, Service};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// List, add and remove the services that an environment deploys: the entries of config/ENV/kustomization.yaml.
///
/// Services are folders applications/PROJECT/SERVICE with an overlay overlays/ENV. A program of the name git-kustomize (a link to
/// this one) does what `sync` does: `git kustomize --project devops --env beta`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print which services are deployed, which are only versioned, and which are listed but missing (exit status 1).
    List(Where),
    /// Add services to the list.
    Add(Named),
    /// Take services off the list.
    Remove(Named),
    /// Add every service that has an overlay and is not listed.
    Sync(Where),
}

#[derive(Debug, clap::Args)]
struct Where {
    /// The environment.
    #[arg(long, value_name = "ENV")]
    env: String,
    /// The project [default: all].
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// The folder of the projects.
    #[arg(long, value_name = "DIR", default_value = "applications")]
    app_dir: String,
    /// The repository.
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The services, by name; without --project as PROJECT/SERVICE.
    #[arg(value_name = "SERVICE", required = true)]
    services: Vec<String>,
    #[command(flatten)]
    place: Where,
}

/// The arguments of a program that is called git-kustomize: `services sync` stands in front of them.
pub(crate) fn as_git_extension(arguments: Vec<OsString>) -> Vec<OsString> {
    let called = arguments.first().map(Path::new).and_then(Path::file_name);
    if called.is_none_or(|name| name != "git-kustomize") {
        return arguments;
    }
    let mut rest = arguments.into_iter();
    let program = rest.next();
    program.into_iter().chain(["services".into(), "sync".into()]).chain(rest).collect()
}

/// Does it.
pub(crate) fn run(args: &Args) -> Exit {
    let done = match &args.what {
        What::List(place) => list(place),
        What::Sync(place) => changed(place, "added", "to", |fleet| fleet.sync(place.project.as_deref())),
        What::Add(named) => changed(&named.place, "added", "to", |fleet| fleet.add(&services(named)?)),
        What::Remove(named) => {
            changed(&named.place, "removed", "from", |fleet| fleet.remove(&services(named)?))
        }
    };
    done.unwrap_or_else(|error| output::fail(Exit::Invalid, &error))
}

fn open(place: &Where) -> Result<FleetFolder, MonorepoError> {
    let app_dir = place.app_dir.trim_start_matches("./").trim_end_matches('/').to_owned();
    let listing = Listing { env: place.env.clone(), app_dir };
    let fleet = FleetFolder::open(&place.repo, listing)?;
    if let Some(project) = &place.project {
        if project.is_empty() || project.contains(['/', '*', '?', '[']) || project.starts_with('.') {
            return Err(MonorepoError::Path { path: project.clone() });
        }
        fleet.check_project(project)?;
    }
    Ok(fleet)
}

fn services(named: &Named) -> Result<Vec<Service>, MonorepoError> {
    let whole = |name: &String| match &named.place.project {
        Some(project) if !name.contains('/') => format!("{project}/{name}"),
        _ => name.clone(),
    };
    let read = |name: &String| {
        let service = Service::parse(&whole(name))?;
        let text = service.to_string();
        if text.contains(['*', '?', '[']) {
            return Err(MonorepoError::Glob { entry: text });
        }
        Ok(service)
    };
    named.services.iter().map(read).collect()
}

fn list(place: &Where) -> Result<Exit, MonorepoError> {
    let fleet = open(place)?;
    let found = fleet.compare(place.project.as_deref())?;
    let missing = |service: &Service| format!("listed, but {} is missing", fleet.listing().overlay(service));
    let rows = found.deployed.iter().map(|service| (service, "deployed".to_owned()));
    let rows = rows.chain(found.versioned.iter().map(|one| (one, "versioned, not deployed".to_owned())));
    let rows = rows.chain(found.missing.iter().map(|one| (one, missing(one))));
    let mut rows: Vec<(String, String)> = rows.map(|(service, state)| (service.to_string(), state)).collect();
    rows.sort();
    let width = rows.iter().map(|(service, _)| service.chars().count()).max().unwrap_or(0);
    for (service, state) in &rows {
        output::print(&format!("{service:width$}  {state}\n"));
    }
    Ok(if found.missing.is_empty() { Exit::Passed } else { Exit::Failed })
}

fn changed(
    place: &Where,
    done: &str,
    how: &str,
    change: impl FnOnce(&FleetFolder) -> Result<Vec<Service>, MonorepoError>,
) -> Result<Exit, MonorepoError> {
    let fleet = open(place)?;
    let services = change(&fleet)?;
    for service in &services {
        output::print(&format!("{done} {service} {how} {}\n", fleet.list()));
    }
    if services.is_empty() {
        output::print(&format!("{} is up to date\n", fleet.list()));
    }
    Ok(Exit::Passed)
}

#[cfg(test)]
mod tests {
    use super::as_git_extension;

    #[test]
    fn a_link_of_the_name_git_kustomize_syncs() {
        let words = |text: &str| text.split(' ').map(Into::into).collect::<Vec<std::ffi::OsString>>();
        let given = words("/usr/local/bin/git-kustomize --project devops --env beta");
        let wanted = words("/usr/local/bin/git-kustomize services sync --project devops --env beta");
        assert_eq!(as_git_extension(given), wanted);
        assert_eq!(as_git_extension(words("seatrial run x")), words("seatrial run x"));
    }
}
