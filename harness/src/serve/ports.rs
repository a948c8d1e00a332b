//! Addresses: where everything listens, and what it is called.

use super::{UpError, UpOptions};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// A listener, and the `host:port` by which others reach it.
pub(super) struct Port {
    pub(super) listener: TcpListener,
    pub(super) address: String,
    pub(super) port: u16,
}

/// All listeners of a run. They are bound, so that nobody else takes their ports, but nobody accepts yet.
pub(super) struct Ports {
    pub(super) forge: Port,
    pub(super) registry: Port,
    pub(super) registry_tls: Port,
    /// In the order of the clusters.
    pub(super) clusters: Vec<Port>,
    pub(super) forge_tls: Port,
    /// None where this build has no SSH.
    pub(super) forge_ssh: Option<Port>,
}

impl Ports {
    pub(super) async fn bind(options: &UpOptions, clusters: &[String]) -> Result<Ports, UpError> {
        let ssh = cfg!(feature = "ssh");
        let count = clusters.len() + 4 + usize::from(ssh);
        let last = options.port_base.map(|base| usize::from(base) + count - 1);
        if let (Some(base), Some(true)) = (options.port_base, last.map(|last| last > usize::from(u16::MAX))) {
            return Err(UpError::Ports { base, count });
        }
        let host = host(options);
        let mut next = options.port_base;
        let mut bind = async |what: String| {
            let address = SocketAddr::new(options.listen, next.unwrap_or(0));
            next = next.and_then(|port| port.checked_add(1));
            let failed = |source| UpError::Port { address, what: what.clone(), source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let port = listener.local_addr().map_err(failed)?.port();
            Ok::<Port, UpError>(Port { listener, address: format!("{host}:{port}"), port })
        };
        let forge = bind("Git".to_owned()).await?;
        let registry = bind("the registry".to_owned()).await?;
        let registry_tls = bind("the registry with TLS".to_owned()).await?;
        let mut all = Vec::new();
        for name in clusters {
            all.push(bind(format!("the cluster {name}")).await?);
        }
        let forge_tls = bind("Git with TLS".to_owned()).await?;
        let forge_ssh = if ssh { Some(bind("Git over SSH".to_owned()).await?) } else { None };
        Ok(Ports { forge, registry, registry_tls, clusters: all, forge_tls, forge_ssh })
    }
}

/// The name or address by which others reach the servers.
fn reached(options: &UpOptions) -> String {
    match (&options.advertise, options.listen) {
        (Some(host), _) => host.clone(),
        (None, IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.to_string(),
        (None, IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => Ipv6Addr::LOCALHOST.to_string(),
        (None, listen) => listen.to_string(),
    }
}

/// The same, as it stands in URLs.
fn host(options: &UpOptions) -> String {
    let host = reached(options);
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host }
}

/// What the servers' certificates are good for.
pub(super) fn certified(options: &UpOptions) -> Vec<String> {
    let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if !options.listen.is_unspecified() {
        hosts.push(options.listen.to_string());
    }
    hosts.push(reached(options));
    hosts.sort();
    hosts.dedup();
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::usual("127.0.0.1", None, "127.0.0.1")]
    #[case::everything("0.0.0.0", None, "127.0.0.1")]
    #[case::everything_of_version_6("::", None, "[::1]")]
    #[case::one("192.0.2.7", None, "192.0.2.7")]
    #[case::named("0.0.0.0", Some("host.docker.internal"), "host.docker.internal")]
    #[case::version_6("::", Some("2001:db8::1"), "[2001:db8::1]")]
    fn urls_say(#[case] listen: &str, #[case] advertise: Option<&str>, #[case] want: &str) {
        let listen = listen.parse().unwrap();
        let options = UpOptions { listen, advertise: advertise.map(str::to_owned), ..UpOptions::default() };
        assert_eq!(host(&options), want);
        assert!(certified(&options).iter().any(|host| want.contains(host.as_str())));
    }

    #[tokio::test]
    async fn ports_beyond_the_last_are_refused() {
        let options = UpOptions { port_base: Some(65_532), ..UpOptions::default() };
        let names = ["beta".to_owned(), "production".to_owned()];
        assert!(matches!(Ports::bind(&options, &names).await, Err(UpError::Ports { count: 6 | 7, .. })));
    }
}
