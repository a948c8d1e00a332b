//! The real API server without nodes: kube-apiserver and etcd as processes of this machine.
//!
//! Each cluster has a folder of its own (data, certificates, logs), free ports on the loopback interface, tokens and keys that
//! are made for it. seatrial-workload does what controllers, scheduler and kubelets would.

use super::guard::Guard;
use super::remote::{Remote, client, until};
use super::{Backend, BackendError, BackendOptions, ClusterProvider, Handle, Keep, Wanted, words};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use seatrial_workload::Controllers;
use serde_json::json;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// Both are needed.
const PROGRAMS: [&str; 2] = ["etcd", "kube-apiserver"];
/// A free port can be taken by somebody else before the program has it.
const ATTEMPTS: usize = 3;

/// Says whether the programs are there.
pub(super) fn preflight(options: &BackendOptions) -> Result<(), BackendError> {
    let missing: Vec<&str> =
        PROGRAMS.into_iter().filter(|name| !options.assets.join(name).is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(BackendError::Missing {
        backend: Backend::Envtest,
        lack: format!("{} not found in {}", missing.join(" and "), options.assets.display()),
        remedy: "set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd, such as the one that \
                 `setup-envtest use -p path` prints"
            .to_owned(),
    })
}

/// Makes clusters of processes.
pub(super) struct Envtest;

impl ClusterProvider for Envtest {
    async fn start(&self, wanted: &Wanted<'_>) -> Result<Handle, BackendError> {
        let mut attempt = 1;
        let (server, remote) = loop {
            match Server::start(wanted).await {
                Ok(started) => break started,
                Err(message) if attempt < ATTEMPTS && message.contains("address already in use") => {
                    attempt += 1
                }
                Err(message) => {
                    return Err(BackendError::Start { cluster: wanted.plan.name.clone(), message });
                }
            }
        };
        remote.handle(wanted, server.keep()).await
    }
}

/// The two programs, and their folder.
struct Server {
    /// The API server first, so that it ends before its store does.
    guards: Vec<Guard>,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start(wanted: &Wanted<'_>) -> Result<(Server, Remote), String> {
        let folder =
            tempfile::Builder::new().prefix("seatrial-envtest-").permissions(crate::run::private()).tempdir();
        let folder = folder.map_err(|error| format!("cannot make a folder: {error}"))?;
        let mut server = Server { guards: Vec::new(), folder };
        let secrets = Secrets::write(server.folder.path())?;
        let [store, peer, api] = ports().map_err(|error| format!("cannot find free ports: {error}"))?;
        let store_url = format!("http://127.0.0.1:{store}");
        let peer_url = format!("http://127.0.0.1:{peer}");
        server.run(
            &wanted.options.assets,
            "etcd",
            &[
                format!("--data-dir={}", server.path("etcd").display()),
                format!("--listen-client-urls={store_url}"),
                format!("--advertise-client-urls={store_url}"),
                format!("--listen-peer-urls={peer_url}"),
                format!("--initial-advertise-peer-urls={peer_url}"),
                format!("--initial-cluster=default={peer_url}"),
                // The data need not survive: the cluster is gone with the run.
                "--unsafe-no-fsync".to_owned(),
                "--log-level=warn".to_owned(),
            ],
        )?;
        let path = |name: &str| server.path(name).display().to_string();
        let arguments = [
            format!("--etcd-servers={store_url}"),
            format!("--secure-port={api}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--cert-dir={}", path("certificates")),
            format!("--token-auth-file={}", path("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--anonymous-auth=false".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", path("service-accounts.pub")),
            format!("--service-account-signing-key-file={}", path("service-accounts.key")),
            "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
            "--allow-privileged=true".to_owned(),
        ];
        server.run(&wanted.options.assets, "kube-apiserver", &arguments)?;

        let certificates = server.path("certificates/apiserver.crt");
        let url = format!("https://127.0.0.1:{api}");
        let root_ca =
            until(wanted.clock, wanted.options.startup_timeout, "/readyz of kube-apiserver", || {
                // What has ended will not become ready.
                let ended = server.ended();
                let (url, token, certificates) = (&url, &secrets.admin, &certificates);
                async move {
                    if let Some(message) = ended {
                        return Ok(Err(message));
                    }
                    let root_ca = std::fs::read_to_string(certificates);
                    let root_ca = root_ca.map_err(|_| "it has no certificate yet".to_owned())?;
                    let client = client(config(url, &root_ca, token).await?)?;
                    let request =
                        http::Request::get("/readyz").body(Vec::new()).map_err(|error| error.to_string())?;
                    client.request_text(request).await.map_err(|error| words(&error))?;
                    Ok(Ok(root_ca))
                }
            })
            .await
            .map_err(|message| format!("{message}{}", server.tail()))??;
        let remote = Remote {
            admin: config(&url, &root_ca, &secrets.admin).await?,
            flux: config(&url, &root_ca, &secrets.flux).await?,
            root_ca,
            simulated: Some(Controllers::All),
        };
        Ok((server, remote))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&mut self, assets: &Path, name: &str, arguments: &[String]) -> Result<(), String> {
        let log = self.path(&format!("{name}.log"));
        let guard = Guard::start(&assets.join(name), arguments, &log, self.folder.path());
        self.guards.insert(0, guard.map_err(|error| format!("cannot start {name}: {error}"))?);
        Ok(())
    }

    /// Which program has ended, and with which words.
    fn ended(&mut self) -> Option<String> {
        let ended = self.guards.iter_mut().find_map(Guard::ended)?;
        Some(format!("a program ended with {ended}{}", self.tail()))
    }

    /// The last lines of the logs.
    fn tail(&self) -> String {
        let mut text = String::new();
        for name in PROGRAMS {
            let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
            for line in &lines[lines.len().saturating_sub(3)..] {
                let line: String = line.chars().take(300).collect();
                text.push_str(&format!("\n{name}: {line}"));
            }
        }
        text
    }

    fn keep(self) -> Keep {
        Keep::Programs { _guards: self.guards, _folder: self.folder }
    }
}

/// The tokens of a cluster.
struct Secrets {
    admin: String,
    flux: String,
}

impl Secrets {
    /// Makes tokens and the key that signs the tokens of service accounts, and writes what kube-apiserver reads.
    fn write(folder: &Path) -> Result<Secrets, String> {
        let secrets = Secrets { admin: token()?, flux: token()? };
        let tokens = format!(
            "{},seatrial,seatrial,system:masters\n\
             {},system:serviceaccount:flux-system:kustomize-controller,flux,\
             \"system:serviceaccounts,system:serviceaccounts:flux-system\"\n",
            secrets.admin, secrets.flux
        );
        let no_key = |_| "cannot make a key".to_owned();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let document = document.map_err(no_key)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref());
        let pair = pair.map_err(|_| "cannot read the key just made".to_owned())?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(no_key)?;
        for (name, text) in [
            ("tokens.csv", tokens),
            ("service-accounts.key", pem("PRIVATE KEY", document.as_ref())),
            ("service-accounts.pub", pem("PUBLIC KEY", public.as_ref())),
        ] {
            std::fs::write(folder.join(name), text)
                .map_err(|error| format!("cannot write {name}: {error}"))?;
        }
        Ok(secrets)
    }
}

fn token() -> Result<String, String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "cannot make a token".to_owned())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::new();
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

/// Ports that are free now.
fn ports() -> std::io::Result<[u16; 3]> {
    let mut ports = [0; 3];
    // All are held until the last one is found: they must differ.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

async fn config(url: &str, root_ca: &str, token: &str) -> Result<Config, String> {
    let kubeconfig = json!({
        "clusters": [{"name": "c", "cluster":
            {"server": url, "certificate-authority-data": STANDARD.encode(root_ca)}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).map_err(|error| error.to_string())?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| format!("cannot use its certificate: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_are_not_there_are_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("etcd"), "").unwrap();
        let options = BackendOptions { assets: folder.path().to_owned(), ..BackendOptions::default() };
        let message = preflight(&options).unwrap_err().to_string();
        assert!(message.contains("kube-apiserver not found in"), "{message}");
        assert!(message.contains("set KUBEBUILDER_ASSETS"), "{message}");
        assert!(!message.contains("etcd not found"), "{message}");
    }

    #[test]
    fn keys_are_written_as_kube_apiserver_reads_them_and_differ() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [a, b] = folders.each_ref().map(|folder| Secrets::write(folder.path()).unwrap());
        assert!(a.admin != b.admin && a.admin != a.flux && a.admin.len() == 43);
        let key = std::fs::read_to_string(folders[0].path().join("service-accounts.key")).unwrap();
        assert!(
            key.starts_with("-----BEGIN PRIVATE KEY-----\n") && key.ends_with("-----END PRIVATE KEY-----\n")
        );
        assert!(key.lines().all(|line| line.len() <= 64));
    }
}
