//! A real API server, started for the generator and stopped with it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

const TOKEN: &str = "generator";

/// etcd and kube-apiserver in a temporary directory. Both end when this is dropped.
pub(super) struct Server {
    programs: PathBuf,
    url: String,
    children: Vec<Child>,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts both and waits until the API server is ready.
    pub(super) fn start() -> Result<Server> {
        let oracles = match std::env::var_os("ORACLES_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => {
                PathBuf::from(std::env::var("HOME").context("read $HOME")?).join(".cache/seatrial-oracles")
            }
        };
        let programs = oracles.join("bin");
        let dir = tempfile::tempdir()?;
        let [client, peer, secure] = free_ports()?;
        let folder = dir.path().to_owned();
        let path = |name: &str| folder.join(name).display().to_string();
        let mut server =
            Server { programs, url: format!("https://127.0.0.1:{secure}"), children: Vec::new(), dir };
        std::fs::write(
            path_of(&server, "tokens.csv"),
            format!("{TOKEN},generator,generator,system:masters\n"),
        )?;
        let key = path("service-accounts.key");
        let made = Command::new("openssl")
            .args(["genrsa", "-out", &key, "2048"])
            .stderr(Stdio::null())
            .status()
            .context("run openssl")?;
        ensure!(made.success(), "openssl made no key: {made}");
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        server.spawn(
            "etcd",
            &[
                format!("--data-dir={}", path("etcd")),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
                "--unsafe-no-fsync".to_owned(),
            ],
        )?;
        server.spawn(
            "kube-apiserver",
            &[
                format!("--etcd-servers={client}"),
                format!("--secure-port={secure}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--cert-dir={}", path("certificates")),
                format!("--token-auth-file={}", path("tokens.csv")),
                format!("--service-account-key-file={key}"),
                format!("--service-account-signing-key-file={key}"),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
                "--authorization-mode=RBAC".to_owned(),
            ],
        )?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// The JSON document at a path.
    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let text = self.raw(path)?;
        serde_json::from_str(&text).with_context(|| format!("read {path}"))
    }

    fn raw(&self, path: &str) -> Result<String> {
        let output = Command::new(self.programs.join("kubectl"))
            .args([
                "--server",
                &self.url,
                "--token",
                TOKEN,
                "--insecure-skip-tls-verify",
                "get",
                "--raw",
                path,
            ])
            .env("KUBECONFIG", self.dir.path().join("none"))
            .output()
            .context("run kubectl")?;
        ensure!(output.status.success(), "get {path}: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8(output.stdout)?)
    }

    fn spawn(&mut self, program: &str, args: &[String]) -> Result<()> {
        let log = std::fs::File::create(path_of(self, &format!("{program}.log")))?;
        let path = self.programs.join(program);
        let child = Command::new(&path)
            .args(args)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("run {} (shared/oracles/get builds it)", path.display()))?;
        self.children.push(child);
        Ok(())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        // A call that is refused takes a moment; a server that starts slowly is ready within a minute.
        let mut last = String::new();
        for _ in 0..300 {
            match self.raw("/readyz") {
                Ok(_) => return Ok(()),
                Err(error) => last = format!("{error:#}"),
            }
            for child in &mut self.children {
                if let Some(status) = child.try_wait()? {
                    bail!("a server ended before it was ready: {status}");
                }
            }
            let _ = Command::new("sleep").arg("0.2").status();
        }
        bail!("the API server did not become ready: {last}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn path_of(server: &Server, name: &str) -> PathBuf {
    server.dir.path().join(name)
}

fn free_ports() -> Result<[u16; 3]> {
    // All three are held at once, so that they differ.
    let listeners = [
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    ];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
