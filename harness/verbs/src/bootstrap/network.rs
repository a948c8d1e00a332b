//! Forges and repositories on the network.

use super::git_program::Clone;
use super::hosts::{Checkout, Hosts, Pending, Remote};
use crate::rest::{Rest, proxy};
use bytes::Bytes;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

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
    let (method, uri) = (request.method().clone(), request.uri().clone());
    if let Some(name) = proxy(&uri) {
        let host = uri.host().unwrap_or_default();
        return Err(format!(
            "the proxy of {name} is not supported for the API of forges: name {host} in NO_PROXY"
        ));
    }
    let ca = ca_file.map(|file| {
        let unreadable =
            |error: &dyn std::fmt::Display| format!("unable to read TLS CA file {}: {error}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
        Rest::trusting(Some(&text)).map_err(|error| unreadable(&error))
    });
    let rest = match ca {
        Some(rest) => rest?,
        None => Rest::trusting(None).map_err(|error| error.to_string())?,
    };
    rest.send(request).await.map_err(|error| format!("{method} {uri}: {error}"))
}
