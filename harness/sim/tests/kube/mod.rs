//! The real API server for differential tests: etcd, kube-apiserver and `kubectl proxy` in a temporary directory.
//!
//! Opt-in: set `SEATRIAL_DIFFERENTIAL=1`; the programs are looked for in `ORACLES_DIR` and in `~/.cache/seatrial-oracles`.
//! `SEATRIAL_KUBE_PROXY=127.0.0.1:8001` uses a server that runs already.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub(crate) struct Kube {
    address: String,
    children: Vec<Child>,
    _dir: Option<tempfile::TempDir>,
}

impl Kube {
    /// Starts a server, or says why not.
    pub(crate) fn start() -> Option<Kube> {
        if let Ok(address) = std::env::var("SEATRIAL_KUBE_PROXY") {
            return Some(Kube { address, children: Vec::new(), _dir: None });
        }
        if std::env::var_os("SEATRIAL_DIFFERENTIAL").is_none() {
            eprintln!("skipped: set SEATRIAL_DIFFERENTIAL=1 to compare with a real kube-apiserver");
            return None;
        }
        let programs = match std::env::var_os("ORACLES_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles"),
        }
        .join("bin");
        if let Some(name) = ["etcd", "kube-apiserver", "kubectl"].iter().find(|n| !programs.join(n).exists())
        {
            eprintln!("skipped: no {name} in {}", programs.display());
            return None;
        }
        Some(start(&programs))
    }

    /// Where it listens, without credentials.
    #[allow(dead_code, reason = "one test asks")]
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Starts what collects garbage and ends namespaces; false where the program is not there.
    #[allow(dead_code, reason = "one test needs them")]
    pub(crate) fn start_controllers(&mut self, programs: &Path) -> bool {
        let program = programs.join("kube-controller-manager");
        let Some(dir) = self._dir.as_ref().filter(|_| program.exists()) else { return program.exists() };
        let config = dir.path().join("controllers.yaml");
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"Config","clusters":[{{"name":"k","cluster":{{"server":"http://{}"}}}}],
            "contexts":[{{"name":"k","context":{{"cluster":"k","user":""}}}}],"current-context":"k"}}"#,
            self.address
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new(program)
            .arg(format!("--kubeconfig={}", config.display()))
            .args(["--controllers=garbage-collector-controller,namespace-controller"])
            .args(["--leader-elect=false", "--secure-port=0", "--use-service-account-credentials=false"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.children.push(child);
        true
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = [("accept", "application/json"), ("user-agent", "tester/1")];
        let (status, _, text) = self.send(method, path, content_type, &headers, &body);
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, value)
    }

    /// Sends a body as it is; returns the status, the warnings and the text of the answer.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, Vec<String>, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut chunked = false;
        let mut warnings = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("warning")
            {
                warnings.push(value.trim().to_owned());
            }
            let header = line.trim().to_lowercase();
            if header.is_empty() {
                break;
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        let mut text = Vec::new();
        if chunked {
            loop {
                line.clear();
                reader.read_line(&mut line).unwrap();
                let size = usize::from_str_radix(line.trim(), 16).unwrap();
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).unwrap();
                text.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        } else {
            reader.read_to_end(&mut text).unwrap();
        }
        (status, warnings, String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        let (status, value) = self.request("GET", path, "application/json", None);
        (status == 200).then_some(value)
    }

    pub(crate) fn create(&self, path: &str, body: &Value) -> (u16, Value) {
        self.request("POST", path, "application/json", Some(body))
    }

    #[allow(dead_code, reason = "not every test applies")]
    pub(crate) fn apply(&self, path: &str, manager: &str, force: bool, body: &Value) -> (u16, Value) {
        let path = format!("{path}?fieldManager={manager}&force={force}");
        self.request("PATCH", &path, "application/apply-patch+yaml", Some(body))
    }
}

impl Drop for Kube {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(programs: &Path) -> Kube {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let listeners = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [client, peer, secure, proxy] = listeners.map(|l| l.local_addr().unwrap().port());
    std::fs::write(path("tokens.csv"), "token,admin,1,system:masters\n").unwrap();
    let key = path("sa.key");
    Command::new("openssl").args(["genrsa", "-out", &key, "2048"]).stderr(Stdio::null()).status().unwrap();
    let spawn = |name: &str, args: &[String]| {
        let log = std::fs::File::create(path(&format!("{name}.log"))).unwrap();
        Command::new(programs.join(name)).args(args).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    };
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let etcd = spawn(
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
    );
    let server = spawn(
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
    );
    let proxy_process = spawn(
        "kubectl",
        &[
            format!("--server=https://127.0.0.1:{secure}"),
            "--token=token".to_owned(),
            "--insecure-skip-tls-verify".to_owned(),
            "proxy".to_owned(),
            format!("--port={proxy}"),
            "--reject-methods=^$".to_owned(),
        ],
    );
    let kube = Kube {
        address: format!("127.0.0.1:{proxy}"),
        children: vec![etcd, server, proxy_process],
        _dir: Some(dir),
    };
    for _ in 0..300 {
        let ready = TcpStream::connect(&kube.address).is_ok()
            && kube.request("GET", "/api/v1/namespaces/default", "application/json", None).0 == 200;
        if ready {
            return kube;
        }
        let _ = Command::new("sleep").arg("0.2").status();
    }
    panic!("the API server did not become ready");
}
