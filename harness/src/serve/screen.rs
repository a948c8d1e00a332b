//! The first screen: what runs where, and lines to copy.

use super::ready::Ready;
use super::setup::Setup;
use super::{UpOptions, UpSource};
use crate::shell::{quoted, shell};
use std::fmt;

/// What is shown when everything answers. It has no secrets in it: the lines name files.
pub(super) struct Screen<'a> {
    pub(super) ready: &'a Ready,
    pub(super) setup: &'a Setup,
    pub(super) bootstrapped: &'a [String],
    pub(super) options: &'a UpOptions,
}

impl fmt::Display for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ready { kubeconfig, ca, clusters, forge, registry } = self.ready;
        writeln!(f, "Seatrial is up; Ctrl-C ends it and removes everything.\n")?;
        for (index, handle) in self.setup.clusters.iter().enumerate() {
            let server = clusters.get(&handle.name).map_or("", |cluster| cluster.server.as_str());
            let state = match (self.bootstrapped.contains(&handle.name), self.options.install_flux) {
                (true, _) => format!("Flux {}, bootstrapped", handle.flux()),
                (false, true) => format!("Flux {}, follows nothing yet", handle.flux()),
                (false, false) => "no Flux yet".to_owned(),
            };
            row(
                f,
                if index == 0 { "clusters" } else { "" },
                &format!("{:<12} {server}  {state}", handle.name),
            )?;
        }
        for (index, (name, url)) in forge.repositories.iter().enumerate() {
            row(f, if index == 0 { "git" } else { "" }, &format!("{name:<12} {url}"))?;
        }
        row(f, "", &format!("{:<12} {}  {}", "TLS, API", forge.https, forge.api))?;
        if let Some(ssh) = &forge.ssh {
            row(f, "", &format!("{:<12} {ssh}", "SSH"))?;
        }
        row(f, "registry", &format!("{}  {}", registry.http, registry.https))?;
        row(f, "password", &format!("of any user, for Git and registry: in {}", shell(&forge.token_file)))?;
        row(f, "CA", &shell(ca))?;

        let context = self.setup.clusters.first().map_or("", |handle| handle.name.as_str());
        writeln!(f, "\nkubectl, flux")?;
        line(f, &format!("export KUBECONFIG={}", shell(kubeconfig)))?;
        line(f, &format!("kubectl --context {context} get pods -A"))?;
        line(f, &format!("kubectl --context {context} get kustomizations -n flux-system -w"))?;
        line(f, &format!("flux --context {context} get all -A"))?;
        self.bootstrap(f)?;
        if let Some((name, url)) =
            self.setup.repository.as_ref().and_then(|name| Some((name, forge.repositories.get(name)?)))
        {
            let helper = format!("credential.helper=store --file={}", shell(&forge.credentials));
            writeln!(f, "\ngit")?;
            line(f, &format!("git clone -c {} {url}", quoted(&helper)))?;
            line(
                f,
                &format!(
                    "cd {name} && git commit --allow-empty -m test && git push origin {}",
                    self.setup.branch
                ),
            )?;
        }
        if let (Some((_, full_name)), Some(ssh), Some(known_hosts)) =
            (forge.full_names.first_key_value(), &forge.ssh, &forge.known_hosts)
        {
            let key = r#"{\"title\": \"mine\", \"key\": \"$(cat ~/.ssh/id_ed25519.pub)\"}"#;
            writeln!(f, "\ngit over SSH, once your key is a deploy key of the repository")?;
            line(
                f,
                &format!(
                    "curl --cacert {} -H \"Authorization: Bearer $(cat {})\" -d \"{key}\" {}/repos/{full_name}/keys",
                    shell(ca),
                    shell(&forge.token_file),
                    forge.api
                ),
            )?;
            line(
                f,
                &format!(
                    "export GIT_SSH_COMMAND={}",
                    quoted(&format!("ssh -o UserKnownHostsFile={}", shell(known_hosts)))
                ),
            )?;
            line(f, &format!("git clone {ssh}/{full_name}.git"))?;
        }
        let host = registry.http.trim_start_matches("http://");
        writeln!(f, "\nregistry: {host}/demo/app:1.0.1 is demo/app:1.0.1 to the clusters")?;
        line(
            f,
            &format!(
                "curl -u \"seatrial:$(cat {})\" {}/v2/_catalog",
                shell(&registry.token_file),
                registry.http
            ),
        )?;
        line(f, &format!("export DOCKER_CONFIG={}", shell(&registry.docker_config)))?;
        line(f, &format!("docker push {host}/demo/app:1.0.1"))?;

        let mut notes = self.setup.notes.clone();
        if !self.options.bootstrap && !matches!(self.options.source, UpSource::Nothing) {
            notes.push("nothing is bootstrapped: --no-bootstrap".to_owned());
        }
        if !self.options.listen.is_loopback() {
            notes.push(format!(
                "others can reach {}; Git at {} and {} are not encrypted",
                self.options.listen, forge.http, registry.http
            ));
        }
        if !notes.is_empty() {
            writeln!(f)?;
        }
        notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

impl Screen<'_> {
    /// How the first cluster that follows nothing would be bootstrapped.
    fn bootstrap(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ready { ca, forge, .. } = self.ready;
        let free = |name: &&str| !self.bootstrapped.iter().any(|done| done == name);
        let cluster = self.setup.clusters.iter().map(|handle| handle.name.as_str()).find(free);
        let full_name = self.setup.repository.as_ref().and_then(|name| forge.full_names.get(name));
        let (Some(cluster), Some((owner, name))) = (cluster, full_name.and_then(|full| full.split_once('/')))
        else {
            return Ok(());
        };
        let (https, branch) = (forge.https.trim_start_matches("https://"), &self.setup.branch);
        let follows = match &forge.ssh {
            Some(ssh) => format!("--ssh-hostname {}", ssh.trim_start_matches("ssh://git@")),
            None => "--token-auth".to_owned(),
        };
        writeln!(f, "\nbootstrap {cluster}")?;
        line(f, &format!("export GITHUB_TOKEN=\"$(cat {})\"", shell(&forge.token_file)))?;
        line(
            f,
            &format!(
                "seatrial bootstrap github --context {cluster} --hostname {https} {follows} --ca-file {} --owner {owner} \
                 --repository {name} --branch {branch} --path clusters/{cluster}{}",
                shell(ca),
                if self.options.read_write_key { " --read-write-key" } else { "" }
            ),
        )
    }
}

fn row(f: &mut fmt::Formatter<'_>, head: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {head:<9} {text}")
}

fn line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    writeln!(f, "  {text}")
}
