//! The forge of a run, in the place of the network.

use super::RepoCheckout;
use crate::forge::keys::PrivateKey;
use crate::forge::{Credentials, Forge, Wants, github};
use bytes::Bytes;
use seatrial_engine::Secret;
use seatrial_time::{Clock, Rng};
use seatrial_verbs::bootstrap::keys::KeyError;
use seatrial_verbs::bootstrap::{Access, Checkout, Hosts, Pending, Remote};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Reaches the repositories and the API of a run's forge, without sockets. Every host that is asked is the forge.
pub struct ForgeHosts {
    forge: Forge,
    /// Where keys come from in virtual time.
    rng: Option<Mutex<Rng>>,
}

impl ForgeHosts {
    /// The forge; `label` names the stream that keys are drawn from: in virtual time the same run makes the same keys.
    pub fn new(forge: &Forge, clock: &Clock, label: &str) -> ForgeHosts {
        let rng = clock.is_virtual().then(|| Mutex::new(clock.rng(label)));
        ForgeHosts { forge: forge.clone(), rng }
    }

    fn open(&self, remote: &Remote, branch: &str) -> Result<Box<dyn Checkout>, String> {
        let at = |error: String| format!("unable to clone '{}': {error}", remote.url);
        let ssh = remote.url.starts_with("ssh:");
        let who = match &remote.access {
            Access::User => Credentials::Nothing,
            Access::Password { password, .. } => Credentials::Token(Secret(password.clone())),
            Access::Bearer(token) => Credentials::Token(Secret(token.clone())),
            Access::Key { key, .. } => match PrivateKey::parse(key) {
                Ok(key) => Credentials::Key(key.public().clone()),
                Err(error) => Credentials::UnreadableKey(error.to_string()),
            },
        };
        let repo = self.forge.by_url(&remote.url).map_err(|error| at(error.to_string()))?;
        if let Err(refusal) = self.forge.authorize(&repo, &who, Wants::Read) {
            return Err(at(refusal.to_flux(ssh)));
        }
        let missing = || at(format!("couldn't find remote ref \"refs/heads/{branch}\""));
        let checkout = RepoCheckout::new(&self.forge, &repo, branch, Some(who)).map_err(|_| missing())?;
        Ok(Box::new(checkout))
    }
}

impl Hosts for ForgeHosts {
    fn check_out<'a>(
        &'a self,
        remote: &'a Remote,
        branch: &'a str,
    ) -> Pending<'a, Result<Box<dyn Checkout>, String>> {
        Box::pin(std::future::ready(self.open(remote, branch)))
    }

    fn ask<'a>(
        &'a self,
        request: http::Request<Bytes>,
        _: Option<&'a Path>,
    ) -> Pending<'a, Result<http::Response<Bytes>, String>> {
        Box::pin(std::future::ready(Ok(github::Api::new(self.forge.clone()).answer(request))))
    }

    fn known_hosts<'a>(&'a self, host: &'a str, port: Option<u16>) -> Pending<'a, Result<String, String>> {
        Box::pin(std::future::ready(Ok(known_hosts(&self.forge, host, port))))
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        match &self.rng {
            Some(rng) => {
                rng.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
                Ok(())
            }
            None => Ok(aws_lc_rs::rand::fill(bytes)?),
        }
    }
}

/// The keys of the forge's SSH server. In process no connection is made, and there is none: the line then has no key.
pub(crate) fn known_hosts(forge: &Forge, host: &str, port: Option<u16>) -> String {
    let host = match port {
        None | Some(22) => host.to_owned(),
        Some(port) => format!("[{host}]:{port}"),
    };
    match forge.host_keys() {
        keys if keys.is_empty() => format!("{host} seatrial\n"),
        keys => keys.iter().map(|key| format!("{host} {key}\n")).collect(),
    }
}
