//! A run that is served.

use super::api::Api;
use super::auth::Token;
use super::git::Git;
use super::http::{Handler, serve};
use super::kubeconfig::{Access, Kubeconfig};
use super::ports::{Port, Ports, certified};
use super::process::Programs;
use super::ready::{Ready, ReadyCluster, ReadyFile, ReadyForge, ReadyRegistry};
use super::registry::Registries;
use super::screen::Screen;
use super::setup::{Setup, cluster_names};
use super::tls::Authority;
use super::{ForgeAccess, KubeconfigTarget, UpError, UpOptions, files, webhooks};
use crate::forge::{DEFAULT_USER, Site, Token as ForgeToken};
use base64::Engine as _;
use rustls::ServerConfig;
use seatrial_engine::Secret;
use seatrial_time::{Clock, Task};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long the end waits for `git` processes that have been killed.
const PATIENCE: Duration = Duration::from_secs(5);
/// The user whose name stands in credentials; any other will do.
const USER: &str = DEFAULT_USER;

/// Everything that a run serves. [`Up::stop`] ends it; so does dropping it, without waiting for processes.
///
/// The fields are dropped in their order: who waits for the ready file must not find a server gone.
pub struct Up {
    _ready_file: Option<ReadyFile>,
    servers: Vec<Task>,
    _kubeconfig: Kubeconfig,
    _setup: Setup,
    programs: Programs,
    clock: Clock,
    ready: Ready,
    screen: String,
}

impl Up {
    /// Starts everything. `folder` is the run's own; the caller removes it after the end.
    ///
    /// # Errors
    /// [`UpError`]; then, as when the future is dropped, nothing is left outside of `folder`.
    pub async fn start(clock: &Clock, options: &UpOptions, folder: &Path) -> Result<Up, UpError> {
        let names = cluster_names(options)?;
        let programs = Programs::find().await?;
        if let Some(target) = &options.kubeconfig {
            Kubeconfig::prepare(target, &names)?;
        }
        if let Some(path) = &options.ready_file {
            ReadyFile::prepare(path)?;
        }
        let ports = Ports::bind(options, &names).await?;
        let places = Places::make(folder)?;
        let (mut setup, bootstraps) = Setup::start(clock, options, &names, &places.git).await?;
        for port in [&ports.registry, &ports.registry_tls] {
            setup.registry.serve_as(&port.address);
            setup.registry.serve_as(&format!("localhost:{}", port.port));
        }
        for repo in setup.forge.repos() {
            for host in [ports.forge.address.clone(), format!("localhost:{}", ports.forge.port)] {
                let url = format!("http://{host}/{}", repo.name());
                // Something else may be served by that name on purpose.
                if setup.forge.by_url(&url).is_err() {
                    setup.forge.map(repo.name(), &url)?;
                }
            }
        }
        let site = site(&ports);
        for port in
            [Some(&ports.forge), Some(&ports.forge_tls), ports.forge_ssh.as_ref()].into_iter().flatten()
        {
            setup.forge.serve_at(&port.address);
            setup.forge.serve_at(&format!("localhost:{}", port.port));
        }
        setup.forge.set_site(site);
        let checked = options.forge_access == ForgeAccess::Checked;
        if checked {
            setup.forge.check_all();
        }
        let bootstrapped = bootstraps.play(clock, &mut setup, options.install_flux, &places.git).await?;

        let authority = Arc::new(Authority::new(clock.now())?);
        let tls = authority.server(&certified(options))?;
        let token = Token::random().ok_or(UpError::Randomness)?;
        let secret = Secret(token.reveal().to_owned());
        setup.forge.add_token(USER, &secret, &ForgeToken::ALL_SCOPES)?;
        let base = format!("http://{}", ports.forge.address);
        #[cfg(feature = "ssh")]
        let ssh = super::ssh::Ssh::new(&setup.forge, clock, &programs, &base).ok_or(UpError::Randomness)?;
        #[cfg(feature = "ssh")]
        if let Some(port) = &ports.forge_ssh {
            let lines = ssh.known_hosts(&certified(options), port.port);
            let path = places.known_hosts.clone();
            files::create(&path, lines.as_bytes()).map_err(|source| UpError::File { path, source })?;
        }
        let ready = places.write(&authority, &token, &setup, &names, &ports)?;
        let target = options.kubeconfig.clone().unwrap_or(KubeconfigTarget::New(folder.join("kubeconfig")));
        let mut servers = Servers { clock, tls, tasks: Vec::new() };
        let mut accesses = Vec::new();
        for (handle, port) in setup.clusters.iter().zip(ports.clusters) {
            let own = Token::random().ok_or(UpError::Randomness)?;
            let pair = authority.client("admin", "system:masters")?;
            let cluster = handle.simulated.clone();
            let cluster = cluster.ok_or_else(|| UpError::NotSimulated { name: handle.name.clone() })?;
            accesses.push(Access {
                cluster: handle.name.clone(),
                server: format!("https://{}", port.address),
                ca: authority.pem(),
                certificate: pair.certificate,
                key: pair.key,
                token: own.reveal().to_owned(),
            });
            let api = Api { cluster, clock: clock.clone(), authority: authority.clone(), token: own };
            servers.start(&handle.name, port, true, Arc::new(api));
        }
        let (forge, programs_too) = (setup.forge.clone(), programs.clone());
        let git = Arc::new(Git { forge, clock: clock.clone(), checked, base, programs: programs_too });
        servers.start("Git", ports.forge, false, git.clone());
        servers.start("Git with TLS", ports.forge_tls, true, git);
        #[cfg(feature = "ssh")]
        servers.tasks.extend(ports.forge_ssh.map(|port| ssh.serve(port.listener)));
        let webhooks = webhooks::deliver(&setup.forge, clock, &authority.pem());
        servers.tasks.push(webhooks.map_err(UpError::Webhooks)?);
        let registry = Arc::new(Registries::new(setup.registry.clone(), token, places.registry.clone()));
        servers.start("registry", ports.registry, false, registry.clone());
        servers.start("registry with TLS", ports.registry_tls, true, registry);

        let kubeconfig = Kubeconfig::write(clock, &target, &accesses).await?;
        let ready = Ready { kubeconfig: absolute(kubeconfig.path()), ..ready };
        let ready_file = match &options.ready_file {
            Some(path) => Some(ReadyFile::write(path, &ready)?),
            None => None,
        };
        let screen = Screen { ready: &ready, setup: &setup, bootstrapped: &bootstrapped, options };
        Ok(Up {
            screen: screen.to_string(),
            _ready_file: ready_file,
            servers: servers.tasks,
            _kubeconfig: kubeconfig,
            _setup: setup,
            programs,
            clock: clock.clone(),
            ready,
        })
    }

    /// Where everything is.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Tells how to use it.
    pub fn screen(&self) -> &str {
        &self.screen
    }

    /// Ends everything, and waits until no process runs.
    pub async fn stop(self) {
        let Up {
            _ready_file: ready_file,
            servers,
            _kubeconfig: kubeconfig,
            _setup: setup,
            programs,
            clock,
            ..
        } = self;
        drop(ready_file);
        drop(servers);
        drop(kubeconfig);
        drop(setup);
        // Lets the connections end, whose processes are killed then.
        clock.sleep(Duration::from_millis(1)).await;
        programs.ended(&clock, PATIENCE).await;
    }
}

/// The servers that have been started.
struct Servers<'a> {
    clock: &'a Clock,
    tls: Arc<ServerConfig>,
    tasks: Vec<Task>,
}

impl Servers<'_> {
    fn start(&mut self, name: &str, port: Port, tls: bool, handler: Arc<dyn Handler>) {
        let tls = tls.then(|| self.tls.clone());
        self.tasks.push(serve(self.clock, name, port.listener, tls, handler));
    }
}

/// The files of the run's folder.
struct Places {
    git: PathBuf,
    registry: PathBuf,
    ca: PathBuf,
    token: PathBuf,
    credentials: PathBuf,
    known_hosts: PathBuf,
    docker: PathBuf,
}

impl Places {
    fn make(folder: &Path) -> Result<Places, UpError> {
        let folder = absolute(folder);
        let places = Places {
            git: folder.join("git"),
            registry: folder.join("registry"),
            ca: folder.join("ca.crt"),
            token: folder.join("token"),
            credentials: folder.join("git-credentials"),
            known_hosts: folder.join("known_hosts"),
            docker: folder.join("docker"),
        };
        for path in [&places.git, &places.registry, &places.docker] {
            std::fs::create_dir(path).map_err(|source| UpError::File { path: path.clone(), source })?;
        }
        Ok(places)
    }

    /// Writes the CA and the credentials. The kubeconfig's path comes later.
    fn write(
        &self,
        authority: &Authority,
        token: &Token,
        setup: &Setup,
        names: &[String],
        ports: &Ports,
    ) -> Result<Ready, UpError> {
        let (forge, registry) =
            (&ports.forge.address, [&ports.registry.address, &ports.registry_tls.address]);
        let secret = token.reveal();
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{secret}"));
        let auths: serde_json::Map<String, serde_json::Value> =
            registry.iter().map(|host| ((*host).clone(), json!({"auth": auth}))).collect();
        for (path, content) in [
            (&self.ca, authority.pem()),
            (&self.token, format!("{secret}\n")),
            (
                &self.credentials,
                format!(
                    "http://{USER}:{secret}@{forge}\nhttps://{USER}:{secret}@{}\n",
                    ports.forge_tls.address
                ),
            ),
            (&self.docker.join("config.json"), json!({"auths": auths}).to_string()),
        ] {
            files::create(path, content.as_bytes())
                .map_err(|source| UpError::File { path: path.clone(), source })?;
        }
        let server = |port: &Port| format!("https://{}", port.address);
        let clusters = names
            .iter()
            .zip(&ports.clusters)
            .map(|(name, port)| (name.clone(), ReadyCluster { server: server(port), context: name.clone() }));
        let clone = |name: &str| format!("http://{forge}/{name}.git");
        let repositories = setup.forge.repos();
        let full_name = |repo: &crate::forge::Repo| {
            Some((repo.name().to_owned(), setup.forge.hosted(repo.name()).ok()?.full_name()))
        };
        Ok(Ready {
            kubeconfig: PathBuf::new(),
            ca: self.ca.clone(),
            clusters: clusters.collect(),
            forge: ReadyForge {
                http: format!("http://{forge}"),
                https: format!("https://{}", ports.forge_tls.address),
                ssh: ports.forge_ssh.as_ref().map(|port| format!("ssh://git@{}", port.address)),
                known_hosts: ports.forge_ssh.as_ref().map(|_| self.known_hosts.clone()),
                api: setup.forge.site().api,
                user: USER.to_owned(),
                full_names: repositories.iter().filter_map(full_name).collect(),
                repositories: repositories.iter().map(|r| (r.name().to_owned(), clone(r.name()))).collect(),
                token_file: self.token.clone(),
                credentials: self.credentials.clone(),
            },
            registry: ReadyRegistry {
                http: format!("http://{}", registry[0]),
                https: format!("https://{}", registry[1]),
                token_file: self.token.clone(),
                docker_config: self.docker.clone(),
            },
        })
    }
}

/// Where the forge is reached from outside.
fn site(ports: &Ports) -> Site {
    let web = format!("https://{}", ports.forge_tls.address);
    let ssh = match &ports.forge_ssh {
        Some(port) => format!("ssh://git@{}/", port.address),
        None => String::new(),
    };
    Site { api: format!("{web}/api/v3"), web, ssh }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
