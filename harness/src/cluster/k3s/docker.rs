//! Docker: whether it is there, whether it has the image, and which containers are left over.

use crate::cluster::{Backend, BackendError, BackendOptions};
use futures::TryStreamExt;
use std::collections::BTreeMap;
use std::path::Path;
use testcontainers_modules::testcontainers::bollard::Docker;
use testcontainers_modules::testcontainers::bollard::query_parameters::{
    CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};

/// The run's folder: all containers of a scenario have the same.
const RUN: &str = "dev.seatrial.run";
/// The process that started the container, where and when it was started.
const PROCESS: &str = "dev.seatrial.process";

fn lack(lack: String, remedy: &str) -> BackendError {
    BackendError::Missing { backend: Backend::K3s, lack, remedy: remedy.to_owned() }
}

async fn docker() -> Result<Docker, BackendError> {
    let no_docker = |error: &dyn std::fmt::Display| {
        lack(
            format!("Docker does not answer ({error})"),
            "start Docker (on Debian: `apt-get install docker.io`, then `dockerd &`), or set DOCKER_HOST",
        )
    };
    let docker = Docker::connect_with_defaults().map_err(|error| no_docker(&error))?;
    docker.ping().await.map_err(|error| no_docker(&error))?;
    Ok(docker)
}

/// Says whether Docker and the image are there; pulls the image where it is not. Removes what killed runs have left.
#[allow(clippy::disallowed_methods, reason = "nothing of this is part of what is simulated")]
pub(in crate::cluster) fn preflight(options: &BackendOptions) -> Result<(), BackendError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| lack(format!("no runtime can be started ({error})"), "try again"))?;
    runtime.block_on(async {
        let docker = docker().await?;
        sweep_dead(&docker).await?;
        let image = options.k3s_image.as_str();
        if docker.inspect_image(image).await.is_ok() {
            return Ok(());
        }
        let (name, tag) = split(image);
        let wanted = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
        docker.create_image(Some(wanted), None, None).try_for_each(|_| async { Ok(()) }).await.map_err(
            |error| {
                lack(
                    format!("the image {image} is not on this machine and cannot be pulled ({error})"),
                    &format!(
                        "load it (`docker pull {image}`, `docker load`), or name another with --k3s-image"
                    ),
                )
            },
        )
    })
}

/// Name and tag of an image; `latest` where it has none.
pub(super) fn split(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// The labels of a container of the run in this folder.
pub(super) fn labels(folder: &Path) -> BTreeMap<String, String> {
    [(RUN.to_owned(), run_of(folder)), (PROCESS.to_owned(), own_process())].into()
}

fn run_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Removes every container of the run in this folder.
///
/// # Errors
/// [`BackendError::Missing`] where Docker does not answer.
pub(in crate::cluster) async fn sweep(folder: &Path) -> Result<(), BackendError> {
    let docker = docker().await?;
    remove(&docker, &format!("{RUN}={}", run_of(folder)), |_| true).await
}

/// Removes containers whose process has ended.
async fn sweep_dead(docker: &Docker) -> Result<(), BackendError> {
    let own = own_process();
    let Some((own_host, _)) = own.split_once(' ') else { return Ok(()) };
    if own_host.starts_with('/') {
        // No boot can be read here: it cannot be told which processes have ended.
        return Ok(());
    }
    remove(docker, PROCESS, |process| {
        let Some((host, process)) = process.and_then(|label| label.split_once(' ')) else {
            return false;
        };
        // Processes of other machines, or seen from inside another container, cannot be judged from here.
        host == own_host && !is_running(process)
    })
    .await
}

async fn remove(
    docker: &Docker,
    label: &str,
    is_wanted: impl Fn(Option<&str>) -> bool,
) -> Result<(), BackendError> {
    let failed =
        |error| lack(format!("Docker does not remove containers ({error})"), "look at `docker ps -a`");
    let filter = [("label", vec![label])].into_iter().collect();
    let all = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
    for container in docker.list_containers(Some(all)).await.map_err(failed)? {
        let labels = container.labels.unwrap_or_default();
        let is_wanted = is_wanted(labels.get(PROCESS).map(String::as_str));
        let Some(id) = container.id.filter(|_| is_wanted) else { continue };
        let how = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        if let Err(error) = docker.remove_container(&id, Some(how)).await {
            // Somebody else may be removing it already.
            let text = error.to_string();
            if !text.contains("404") && !text.contains("already in progress") {
                return Err(failed(error));
            }
        }
    }
    Ok(())
}

/// `HOST PID-START`: the host is the boot and the process namespace; a number alone would be taken by another process later.
fn own_process() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let pid = std::process::id();
    format!("{}/{} {pid}-{}", boot.trim(), space.display(), started(pid).unwrap_or_default())
}

fn is_running(process: &str) -> bool {
    let Some((pid, start)) = process.split_once('-') else { return true };
    let Ok(pid) = pid.parse() else { return true };
    started(pid).is_some_and(|started| started == start)
}

/// When a process was started, in the kernel's ticks since the boot.
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets can contain anything; what follows has the state as its first field.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("rancher/k3s:v1.36.1-k3s1", ("rancher/k3s", "v1.36.1-k3s1"))]
    #[case("localhost:5000/k3s", ("localhost:5000/k3s", "latest"))]
    #[case("localhost:5000/k3s:v1", ("localhost:5000/k3s", "v1"))]
    fn images_have_a_name_and_a_tag(#[case] image: &str, #[case] want: (&str, &str)) {
        assert_eq!(split(image), want);
    }

    #[test]
    fn a_process_is_known_by_number_and_start() {
        let own = own_process();
        let (_, process) = own.split_once(' ').unwrap();
        assert!(is_running(process), "{own}");
        let (pid, _) = process.split_once('-').unwrap();
        assert!(!is_running(&format!("{pid}-1")));
        assert!(!is_running("4294967290-77"));
    }
}
