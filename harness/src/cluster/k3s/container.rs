//! One container: started, reached, removed.

use super::docker::{labels, split};
use crate::cluster::kubeconfig::pods;
use crate::cluster::remote::{Remote, client, until};
use crate::cluster::{BackendError, ClusterProvider, Handle, Keep, Objects, Pods, Wanted, words};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use seatrial_workload::Controllers;
use serde_json::Value;
use std::time::Duration;
use testcontainers_modules::k3s::{K3s as Image, KUBE_SECURE_PORT};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerAsync, ImageExt};

/// How long a node may take to show up where it is not known whether there will be one.
const NODES: Duration = Duration::from_secs(30);

/// Makes clusters of containers.
pub(in crate::cluster) struct K3s;

impl ClusterProvider for K3s {
    async fn start(&self, wanted: &Wanted<'_>) -> Result<Handle, BackendError> {
        let failed = |message: String| BackendError::Start { cluster: wanted.plan.name.clone(), message };
        let folder =
            tempfile::Builder::new().prefix("seatrial-k3s-").permissions(crate::run::private()).tempdir();
        let folder = folder.map_err(|error| failed(format!("cannot make a folder: {error}")))?;
        let container = run(wanted, &folder).await.map_err(failed)?;
        let container = Container { container, _folder: folder };
        let reached = reach(wanted, &container).await;
        let remote = match reached {
            Ok(remote) => remote,
            Err(message) => return Err(failed(format!("{message}{}", container.tail().await))),
        };
        remote.handle(wanted, Keep::Container(Box::new(container))).await
    }
}

/// A running container. Dropping it removes it; [`Container::end`] also says where that failed.
pub(crate) struct Container {
    container: ContainerAsync<Image>,
    /// Where the container writes its kubeconfig file.
    _folder: tempfile::TempDir,
}

impl Container {
    /// Removes it.
    pub(crate) async fn end(self, cluster: &str) -> Result<(), BackendError> {
        let removed = self.container.rm().await;
        removed.map_err(|error| BackendError::Leftover {
            cluster: cluster.to_owned(),
            message: error.to_string(),
        })
    }

    /// The last lines that it wrote.
    async fn tail(&self) -> String {
        let log = self.container.stderr_to_vec().await.unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(5)..].iter();
        last.map(|line| format!("\nk3s: {}", line.chars().take(300).collect::<String>())).collect()
    }
}

/// Starts the container, and does not wait for what is in it.
async fn run(wanted: &Wanted<'_>, folder: &tempfile::TempDir) -> Result<ContainerAsync<Image>, String> {
    let options = wanted.options;
    let (name, tag) = split(&options.k3s_image);
    let mut arguments = vec!["server", "--snapshotter=native", "--disable=traefik,servicelb,metrics-server"];
    if who(options.pods, options.k3s_privileged) == Pods::Simulated {
        arguments.push("--disable-agent");
    }
    let mut request = Image::default()
        .with_conf_mount(folder.path())
        .with_name(name)
        .with_tag(tag)
        .with_cmd(arguments)
        .with_labels(labels(wanted.folder))
        .with_privileged(options.k3s_privileged)
        .with_startup_timeout(options.startup_timeout)
        // Test clusters live for minutes: their server may use memory in place of the time that collecting garbage takes, which is
        // much of its start. The limit keeps one that lives longer small.
        .with_env_var("GOGC", "400")
        .with_env_var("GOMEMLIMIT", "1GiB")
        // What it writes differs from version to version: whether it can be used is asked of its API server.
        .with_ready_conditions(Vec::new());
    if options.k3s_privileged {
        request = request.with_userns_mode("host");
    }
    // On a task of its own: where this future is dropped, the container that is just being made is removed all the same.
    let (result, started) = tokio::sync::oneshot::channel();
    let ended = wanted.pending.begin();
    let task = async move {
        // Where nobody waits any more, the container is dropped, that is, removed.
        drop(result.send(request.start().await));
        drop(ended);
    };
    wanted.clock.spawn("start of a container", task).detach();
    match started.await {
        Ok(Ok(container)) => Ok(container),
        Ok(Err(error)) => Err(format!("cannot start a container: {error}")),
        Err(_) => Err("cannot start a container: it was given up".to_owned()),
    }
}

/// Nodes need a privileged container: without one, nobody waits for them.
fn who(pods: Pods, privileged: bool) -> Pods {
    match pods {
        Pods::Auto if !privileged => Pods::Simulated,
        pods => pods,
    }
}

async fn reach(wanted: &Wanted<'_>, container: &Container) -> Result<Remote, String> {
    let (clock, limit) = (wanted.clock, wanted.options.startup_timeout);
    let port = container.container.get_host_port_ipv4(KUBE_SECURE_PORT).await;
    let port = port.map_err(|error| format!("it has no port for the API server: {error}"))?;
    let host = container.container.get_host().await.map_err(|error| format!("it has no address: {error}"))?;
    let server = format!("https://{host}:{port}");
    let config = until(clock, limit, "its API server", || {
        let text = container.container.image().read_kube_config();
        let server = &server;
        async move {
            let text = text.map_err(|error| format!("it has written no kubeconfig yet ({error})"))?;
            let config = config(&text, server).await?;
            let client = client(config.clone())?;
            let request =
                http::Request::get("/readyz").body(Vec::new()).map_err(|error| error.to_string())?;
            client.request_text(request).await.map_err(|error| words(&error))?;
            Ok(config)
        }
    })
    .await?;
    let objects = Objects::new(client(config.clone())?);
    let pods = match who(wanted.options.pods, wanted.options.k3s_privileged) {
        Pods::Auto => {
            let is_ready = |node: &Value| {
                let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
                conditions.into_iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
            };
            // A node that does not come within this time will be simulated.
            let _ = until(clock, NODES.min(limit), "a node", || async {
                let nodes = objects.list("v1", "Node", None).await.map_err(|error| words(&error))?;
                if nodes.iter().any(is_ready) { Ok(()) } else { Err("none is ready".to_owned()) }
            })
            .await;
            pods(&objects, Pods::Auto).await.map_err(|error| words(&error))?
        }
        decided => decided,
    };
    let simulated = (pods == Pods::Simulated).then_some(Controllers::None);
    // kube-controller-manager publishes the certificate bundle: the simulation does not.
    Ok(Remote { admin: config.clone(), flux: config, root_ca: String::new(), simulated })
}

/// The configuration for a kubeconfig file of the container, with the address from outside.
async fn config(text: &str, server: &str) -> Result<Config, String> {
    let mut file =
        Kubeconfig::from_yaml(text).map_err(|error| format!("cannot read its kubeconfig: {error}"))?;
    for cluster in file.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        cluster.server = Some(server.to_owned());
        // The certificate has no name for a daemon on another host, nor for the gateway that a container reaches it through.
        cluster.tls_server_name = Some("localhost".to_owned());
    }
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
    config.map_err(|error| format!("cannot use its kubeconfig: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nodes_may_come(Pods::Auto, true, Pods::Auto)]
    #[case::no_node_can_run(Pods::Auto, false, Pods::Simulated)]
    #[case::wanted(Pods::Simulated, true, Pods::Simulated)]
    #[case::wanted_all_the_same(Pods::Real, false, Pods::Real)]
    fn unprivileged_containers_have_simulated_pods(
        #[case] pods: Pods,
        #[case] privileged: bool,
        #[case] want: Pods,
    ) {
        assert_eq!(who(pods, privileged), want);
    }

    #[tokio::test]
    async fn the_server_of_a_kubeconfig_is_the_mapped_port() {
        let text = "apiVersion: v1\nkind: Config\nclusters:\n- {name: default, cluster: {server: 'https://127.0.0.1:6443'}}\n\
            contexts:\n- {name: default, context: {cluster: default, user: default}}\ncurrent-context: default\n\
            users:\n- {name: default, user: {token: t}}\n";
        let config = config(text, "https://172.17.0.1:32768").await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://172.17.0.1:32768/");
        assert_eq!(config.tls_server_name.as_deref(), Some("localhost"));
    }
}
