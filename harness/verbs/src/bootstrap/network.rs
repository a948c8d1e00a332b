//! Forges and repositories on the network.

use super::git_program::Clone;
use super::hosts::{Checkout, Hosts, Pending, Remote};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::ConfigExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// An answer of a forge is smaller by far.
const MAX_SIZE: usize = 16 << 20;
const CONNECT: Duration = Duration::from_secs(10);

/// The network: HTTPS by hyper and rustls, Git by the `git` program, keys of SSH servers by `ssh-keyscan`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network;

impl Hosts for Network {
    fn check_out<'a>(
        &'a self,
        remote: &'a Remote,
        branch: &'a str,
    ) -> Pending<'a, Result<Box<dyn Checkout>, String>> {
        Box::pin(async move {
            let clone = Clone::of(remote, branch).await?;
            Ok(Box::new(clone) as Box<dyn Checkout>)
        })
    }

    fn ask<'a>(
        &'a self,
        request: http::Request<Bytes>,
        ca_file: Option<&'a Path>,
    ) -> Pending<'a, Result<http::Response<Bytes>, String>> {
        Box::pin(ask(request, ca_file))
    }

    fn known_hosts<'a>(&'a self, host: &'a str, port: Option<u16>) -> Pending<'a, Result<String, String>> {
        Box::pin(async move {
            let port = port.unwrap_or(22).to_string();
            let mut scan = Command::new("ssh-keyscan");
            scan.args(["-T", "10", "-t", "ecdsa,ed25519,rsa", "-p", &port, "--", host]);
            let output = scan.stdin(Stdio::null()).kill_on_drop(true).output().await;
            let output = output.map_err(|error| format!("failed to run 'ssh-keyscan': {error}"))?;
            let found = String::from_utf8_lossy(&output.stdout);
            let lines: Vec<&str> = found.lines().filter(|line| !line.starts_with('#')).collect();
            if lines.is_empty() {
                return Err(format!("no SSH server answers at {host}:{port}"));
            }
            Ok(lines.join("\n") + "\n")
        })
    }
}

async fn ask(request: http::Request<Bytes>, ca_file: Option<&Path>) -> Result<http::Response<Bytes>, String> {
    crate::connect::install_provider();
    let uri = request.uri().clone();
    refuse_proxy(&uri)?;
    let mut config = Config::new(uri.clone());
    config.connect_timeout = Some(CONNECT);
    if let Some(file) = ca_file {
        config.root_cert = Some(certificates(file)?);
    }
    let connector = config.rustls_https_connector().map_err(|error| error.to_string())?;
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let lost = |what: String| format!("{} {uri}: {what}", request.method());
    let (head, body) = request.clone().into_parts();
    let sent = http::Request::from_parts(head, Full::new(body));
    let answer = client.request(sent).await.map_err(|error| lost(deepest(&error)))?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MAX_SIZE).collect().await.map_err(|error| lost(error.to_string()))?;
    Ok(http::Response::from_parts(head, body.to_bytes()))
}

fn deepest(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => deepest(source),
        None => error.to_string(),
    }
}

/// The certificates of a PEM file, as DER.
fn certificates(file: &Path) -> Result<Vec<Vec<u8>>, String> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let unreadable = |error: String| format!("unable to read TLS CA file {}: {error}", file.display());
    let found = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?;
    let found: Result<Vec<Vec<u8>>, _> = found.map(|one| one.map(|one| one.to_vec())).collect();
    let found = found.map_err(|error| unreadable(error.to_string()))?;
    if found.is_empty() { Err(unreadable("it has no certificate".to_owned())) } else { Ok(found) }
}

/// Requests go straight to the forge.
fn refuse_proxy(uri: &http::Uri) -> Result<(), String> {
    let host = uri.host().unwrap_or_default();
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let names = match uri.scheme_str() {
        Some("http") => ["HTTP_PROXY", "http_proxy"],
        _ => ["HTTPS_PROXY", "https_proxy"],
    };
    let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let except = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    let excepted = except.split(',').map(str::trim).filter(|part| !part.is_empty()).any(|part| {
        let suffix = part.trim_start_matches('.');
        part == "*" || host == suffix || host.ends_with(&format!(".{suffix}"))
    });
    match names.iter().find(|name| set(name)) {
        Some(name) if !local && !excepted => Err(format!(
            "the proxy of {name} is not supported for the API of forges: name {host} in NO_PROXY"
        )),
        _ => Ok(()),
    }
}
