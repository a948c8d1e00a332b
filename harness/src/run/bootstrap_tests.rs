//! The verb `bootstrap` on a simulated cluster and the run's forge: whole, again, with other flags, broken off anywhere.

use super::bootstrap::{Setting, start_engine};
use crate::bootstrap::{ForgeHosts, NAMESPACE};
use crate::cluster::{Handle, KnownClusters, simulated};
use crate::forge::{DEFAULT_USER, Forge, Repo, Seed, Token};
use crate::plan::ClusterPlan;
use crate::registry::{Registry, UnknownImages};
use crate::sealed::SealingKeys;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kube::Client;
use kube::client::Body;
use rstest::rstest;
use seatrial_engine::ArtifactStore;
use seatrial_time::{Clock, Simulation, simulate};
use seatrial_verbs::bootstrap::{Checkout, Commit, Hosts, Pending, PushError, Remote};
use seatrial_verbs::{Env, Screen, Verb, words};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many more requests succeed, and a repository that somebody else pushes to before so many pushes.
#[derive(Clone)]
struct Fuel(Arc<AtomicI64>, Option<(Repo, Arc<AtomicI64>)>);

impl Fuel {
    fn of(count: i64) -> Fuel {
        Fuel(Arc::new(AtomicI64::new(count)), None)
    }

    fn push(&self) {
        if let Some((repo, pushes)) = &self.1
            && pushes.fetch_sub(1, Ordering::SeqCst) == 1
        {
            let change = crate::forge::Change::new("Meanwhile").write("README.md", "x");
            repo.commit("master", &change).unwrap();
        }
    }

    fn burn(&self) -> Result<(), String> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            ..=0 => Err("the connection is gone".to_owned()),
            _ => Ok(()),
        }
    }
}

/// A client whose requests burn fuel.
fn limited(client: &Client, fuel: &Fuel) -> Client {
    let (client, fuel) = (client.clone(), fuel.clone());
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (client, burnt) = (client.clone(), fuel.burn());
        async move {
            burnt.map_err(std::io::Error::other)?;
            client.send(request).await.map_err(std::io::Error::other)
        }
    });
    Client::new(service, "default")
}

struct LimitedHosts(ForgeHosts, Fuel);
struct LimitedCheckout(Box<dyn Checkout>, Fuel);

impl Hosts for LimitedHosts {
    fn check_out<'a>(
        &'a self,
        remote: &'a Remote,
        branch: &'a str,
    ) -> Pending<'a, Result<Box<dyn Checkout>, String>> {
        Box::pin(async move {
            self.1.burn()?;
            let checkout = self.0.check_out(remote, branch).await?;
            Ok(Box::new(LimitedCheckout(checkout, self.1.clone())) as Box<dyn Checkout>)
        })
    }

    fn ask<'a>(
        &'a self,
        request: http::Request<Bytes>,
        ca: Option<&'a Path>,
    ) -> Pending<'a, Result<http::Response<Bytes>, String>> {
        Box::pin(async move {
            self.1.burn()?;
            self.0.ask(request, ca).await
        })
    }

    fn known_hosts<'a>(&'a self, host: &'a str, port: Option<u16>) -> Pending<'a, Result<String, String>> {
        self.0.known_hosts(host, port)
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), seatrial_verbs::bootstrap::keys::KeyError> {
        self.0.random(bytes)
    }
}

impl Checkout for LimitedCheckout {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, String> {
        self.0.read(path)
    }

    fn commit<'a>(&'a mut self, commit: &'a Commit) -> Pending<'a, Result<Option<String>, String>> {
        Box::pin(async move {
            self.1.burn()?;
            self.0.commit(commit).await
        })
    }

    fn tip(&self) -> String {
        self.0.tip()
    }

    fn push(&mut self) -> Pending<'_, Result<(), PushError>> {
        Box::pin(async move {
            self.1.burn().map_err(PushError::Refused)?;
            self.1.push();
            self.0.push().await
        })
    }
}

pub(super) const BETA: &str =
    "bootstrap github --owner=owls --repository=gitops --branch=master --personal --path=clusters/beta";

/// A cluster with an engine that waits for its controllers, and a forge.
pub(super) struct Place {
    pub(super) clock: Clock,
    pub(super) forge: Forge,
    pub(super) repo: Repo,
    pub(super) cluster: Handle,
}

impl Place {
    fn new(clock: &Clock, folder: &Path) -> Place {
        let forge = Forge::new(clock.clone(), folder);
        let urls = ["https://github.com/owls/gitops".to_owned()];
        let repo = forge.create("gitops", &Seed::Empty, "master", &urls).unwrap();
        let (registry, known) = (Registry::new(), KnownClusters::on(clock));
        let images = Arc::new(registry.images(UnknownImages::Pull));
        let mut cluster = simulated(clock, &ClusterPlan::named("beta"), images, &SealingKeys::on(clock));
        let setting = Setting {
            clock,
            forge: &forge,
            git: Arc::new(forge.clone()),
            registry: &registry,
            artifacts: &Arc::new(ArtifactStore::default()),
            renderer: &Arc::default(),
            clusters: &known,
        };
        start_engine(&setting, &mut cluster);
        Place { clock: clock.clone(), forge, repo, cluster }
    }

    /// Runs a verb that has so many requests; whether it succeeded, what it printed, how many requests it made.
    pub(super) async fn run(&self, line: &str, fuel: i64) -> (bool, String, i64) {
        let token = self.forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES).unwrap();
        self.run_with(line, fuel, &token.0).await
    }

    async fn run_with(&self, line: &str, requests: i64, token: &str) -> (bool, String, i64) {
        self.run_on(line, Fuel::of(requests), token).await
    }

    async fn run_on(&self, line: &str, fuel: Fuel, token: &str) -> (bool, String, i64) {
        let requests = fuel.0.load(Ordering::SeqCst);
        let hosts = LimitedHosts(ForgeHosts::new(&self.forge, &self.clock, "keys"), fuel.clone());
        let env = Env {
            hosts: Some(Arc::new(hosts)),
            variables: Some(BTreeMap::from([("GITHUB_TOKEN".to_owned(), token.to_owned())])),
            ..Env::with_client(self.clock.clone(), limited(self.cluster.objects.client(), &fuel))
        };
        let (mut screen, printed) = Screen::joined();
        let verb = Verb::parse(&words(line).unwrap()).unwrap();
        let result = verb.run(&env, &mut screen).await;
        if let Err(error) = &result {
            error.tell(&mut screen);
        }
        (result.is_ok(), printed.out(), requests - fuel.0.load(Ordering::SeqCst))
    }

    pub(super) async fn object(&self, version: &str, kind: &str, name: &str) -> Value {
        let found = self.cluster.objects.get(version, kind, Some(NAMESPACE), name).await.unwrap();
        found.map(|found| found.as_ref().clone()).unwrap_or_default()
    }

    pub(super) async fn secret(&self, key: &str) -> String {
        use base64::Engine as _;
        let secret = self.object("v1", "Secret", NAMESPACE).await;
        let value = secret["data"][key].as_str().unwrap_or_default();
        let value = base64::engine::general_purpose::STANDARD.decode(value).unwrap();
        String::from_utf8(value).unwrap()
    }

    fn keys(&self) -> Vec<(String, bool, String)> {
        let keys = self.forge.hosted("gitops").unwrap().keys;
        keys.iter().map(|key| (key.title.clone(), key.read_only, key.key.to_string())).collect()
    }

    /// Everything that does not differ from run to run.
    async fn state(&self) -> String {
        let tree = self.repo.paths("master").unwrap();
        let files: Vec<String> = tree
            .iter()
            .map(|path| {
                let content = self.repo.read("master", path).unwrap();
                format!("{path}\n{}", String::from_utf8(content).unwrap())
            })
            .collect();
        let tip = self.repo.head("master").unwrap().to_string();
        let [(title, read_only, key)] = self.keys().try_into().expect("one deploy key");
        assert_eq!(self.secret("identity.pub").await.trim_end(), key, "the cluster has the key of the forge");
        for (version, kind, revision) in [
            ("source.toolkit.fluxcd.io/v1", "GitRepository", "/status/artifact/revision"),
            ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "/status/lastAppliedRevision"),
        ] {
            let found = self.object(version, kind, NAMESPACE).await;
            assert_eq!(found.pointer(revision).unwrap(), &format!("master@sha1:{tip}"), "{kind}");
        }
        format!("{title} {read_only}\n{}", files.join("\n"))
    }
}

/// Plays `test` in virtual time.
pub(super) fn play<F: Future<Output = ()>>(test: impl FnOnce(Place) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    simulate(Simulation::default(), |clock| async move { test(Place::new(&clock, &root)).await }).unwrap();
}

pub(super) const PLENTY: i64 = 1 << 40;

#[test]
fn what_is_done_already_is_not_done_again_and_other_flags_commit_the_difference() {
    play(async |place| {
        let (ok, printed, _) = place.run(BETA, PLENTY).await;
        assert!(ok, "{printed}");
        let first = place.state().await;
        let commits = |place: &Place| place.repo.log("master", 100).unwrap().len();
        assert_eq!(commits(&place), 2);

        let (ok, printed, _) = place.run(BETA, PLENTY).await;
        assert!(ok && printed.contains("✔ component manifests are up to date\n"), "{printed}");
        assert!(printed.contains("✔ source secret up to date\n"), "{printed}");
        assert!(!printed.contains("installing components") && !printed.contains("pushing"), "{printed}");
        assert_eq!(commits(&place), 2, "nothing is committed");
        assert_eq!(place.state().await, first);

        let more =
            format!("{BETA} --components-extra=image-reflector-controller --interval=2m --read-write-key");
        let (ok, printed, _) = place.run(&more, PLENTY).await;
        assert!(ok, "{printed}");
        assert!(printed.contains("✔ image-reflector-controller: deployment ready\n"), "{printed}");
        assert_eq!(commits(&place), 4);
        let state = place.state().await;
        assert!(
            state.starts_with("flux-system-master-flux-system-./clusters/beta false\n"),
            "the key may push"
        );
        assert!(state.contains("interval: 2m0s"), "{state}");
    });
}

#[test]
fn a_bootstrap_that_broke_off_anywhere_ends_in_the_same_state_when_it_is_run_again() {
    let whole = Arc::new(std::sync::Mutex::new((String::new(), 0)));
    let note = whole.clone();
    play(async |place| {
        let (ok, printed, requests) = place.run(BETA, PLENTY).await;
        assert!(ok, "{printed}");
        *note.lock().unwrap() = (place.state().await, requests);
    });
    let (state, requests) = whole.lock().unwrap().clone();
    // The waiting at the end changes nothing; everything before it is looked at in steps that are no divisor of anything.
    let mut breaks: Vec<i64> = (0..requests.min(90)).step_by(7).collect();
    breaks.extend([1, 2, 3, 4, 5]);
    for fuel in breaks {
        let wanted = state.clone();
        play(async move |place| {
            let (ok, printed, _) = place.run(BETA, fuel).await;
            assert!(!ok, "{fuel} requests are not enough\n{printed}");
            let (ok, printed, _) = place.run(BETA, PLENTY).await;
            assert!(ok, "after {fuel} requests: {printed}");
            assert_eq!(place.state().await, wanted, "after {fuel} requests");
            assert_eq!(place.repo.log("master", 100).unwrap().len(), 2, "after {fuel} requests");
        });
    }
}

#[test]
fn another_key_that_broke_off_anywhere_is_made_when_it_is_run_again() {
    let line = format!("{BETA} --read-write-key");
    // Between the forge's key and the cluster's Secret everything is different from before and after.
    for fuel in 1..28 {
        let line = line.clone();
        play(async move |place| {
            let (ok, printed, _) = place.run(BETA, PLENTY).await;
            assert!(ok, "{printed}");
            place.run(&line, fuel).await;
            let (ok, printed, _) = place.run(&line, PLENTY).await;
            assert!(ok, "after {fuel} requests: {printed}");
            let state = place.state().await;
            let title = "flux-system-master-flux-system-./clusters/beta";
            assert!(state.starts_with(&format!("{title} false\n")), "after {fuel} requests: {state}");
        });
    }
}

#[rstest]
#[case::another("clusters/production", false)]
#[case::root(".", false)]
#[case::written_otherwise("./clusters//beta/", true)]
fn another_path_does_not_take_the_cluster_over(#[case] path: &str, #[case] same: bool) {
    let line = BETA.replace("clusters/beta", path);
    play(async move |place| {
        let (ok, printed, _) = place.run(BETA, PLENTY).await;
        assert!(ok, "{printed}");
        let (ok, printed, _) = place.run(&line, PLENTY).await;
        assert_eq!(ok, same, "{printed}");
        if !same {
            let path = if path == "." { "" } else { path };
            let refused = format!(
                "✗ sync path configuration (\"./{path}\") would overwrite path (\"./clusters/beta\") of existing \
                 Kustomization\n"
            );
            assert!(
                printed.contains(&refused) && !printed.contains("generating sync manifests"),
                "{printed}"
            );
            let written = if path.is_empty() { "flux-system" } else { "clusters/production/flux-system" };
            let paths = place.repo.paths("master").unwrap();
            assert!(!paths.contains(&format!("{written}/gotk-sync.yaml")), "{paths:?}");
            let found = place.object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", NAMESPACE).await;
            assert_eq!(found["spec"]["path"], "./clusters/beta");
        }
    });
}

#[rstest]
#[case::of_the_components(1, false, "✗ failed to push manifests: ")]
#[case::of_the_sync(
    2,
    true,
    "◎ git conflict detected, retrying with a fresh clone\n► generating sync manifests\n"
)]
fn a_push_that_comes_first(#[case] push: i64, #[case] ok: bool, #[case] told: &str) {
    let told = told.to_owned();
    play(async move |place| {
        let token = place.forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES).unwrap().0;
        let fuel = Fuel(
            Arc::new(AtomicI64::new(PLENTY)),
            Some((place.repo.clone(), Arc::new(AtomicI64::new(push)))),
        );
        let (passed, printed, _) = place.run_on(BETA, fuel, &token).await;
        assert_eq!(passed, ok, "{printed}");
        assert!(printed.contains(&told), "{printed}");
        // Run again, it is done.
        let (passed, printed, _) = place.run(BETA, PLENTY).await;
        assert!(passed, "{printed}");
        place.state().await;
        assert_eq!(place.repo.log("master", 100).unwrap().len(), 3, "nothing of the others is lost");
    });
}

const GIT: &str =
    "bootstrap git --url=https://github.com/owls/gitops.git --branch=master --path=clusters/beta";

#[rstest]
#[case::key("", "ssh://git@github.com/owls/gitops.git", &["identity", "identity.pub", "known_hosts"])]
#[case::ssh_host("--ssh-hostname=altssh.github.com:443", "ssh://git@altssh.github.com:443/owls/gitops.git", &["identity", "identity.pub", "known_hosts"])]
#[case::token("--token-auth --password=TOKEN", "https://github.com/owls/gitops.git", &["password", "username"])]
#[case::bearer("--with-bearer-token --password=TOKEN", "https://github.com/owls/gitops.git", &["bearerToken"])]
fn any_repository_is_followed_by_the_url_that_fits_the_credentials(
    #[case] flags: &str,
    #[case] url: &str,
    #[case] fields: &[&str],
) {
    let (line, url) = (format!("{GIT} {flags}"), url.to_owned());
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    play(async move |place| {
        place.forge.serve_at("altssh.github.com:443");
        let token = place.forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES).unwrap().0;
        let (ok, printed, _) = place.run(&line.replace("TOKEN", &token), PLENTY).await;
        assert!(ok && !printed.contains(&token), "{printed}");
        let source = place.object("source.toolkit.fluxcd.io/v1", "GitRepository", NAMESPACE).await;
        assert_eq!(source["spec"]["url"], url);
        let secret = place.object("v1", "Secret", NAMESPACE).await;
        let found: Vec<&String> = secret["data"].as_object().unwrap().keys().collect();
        assert_eq!(found, fields.iter().collect::<Vec<_>>());
        if line.contains("--ssh-hostname") {
            assert!(place.secret("known_hosts").await.starts_with("[altssh.github.com]:443 "));
        }
    });
}

#[rstest]
#[case::no_password("--token-auth", "could not read token: nothing was given")]
#[case::empty_password("--token-auth --password=", "could not read token: nothing was given")]
#[case::no_bearer("--with-bearer-token", "could not read token: nothing was given")]
#[case::ssh_host("--token-auth --password=x --ssh-hostname=other", "--ssh-hostname is for deploy keys")]
#[case::key("--token-auth --password=x --private-key-file=key", "--private-key-file opens nothing")]
#[case::http("--url=http://github.com/owls/gitops", "pass --allow-insecure-http=true to allow it")]
#[case::insecure_ssh("--url=ssh://git@github.com/owls/gitops --allow-insecure-http", "is for http URLs")]
fn flags_that_do_not_go_together_are_refused(#[case] flags: &str, #[case] want: &str) {
    let (line, want) = (format!("{GIT} {flags}"), want.to_owned());
    play(async move |place| {
        let (ok, printed, requests) = place.run(&line, PLENTY).await;
        assert!(!ok && printed.contains(&want), "{printed}");
        assert_eq!(requests, 0);
    });
}

#[test]
fn teams_get_their_permissions_and_one_that_is_missing_is_told_and_holds_nothing_up() {
    play(async |place| {
        place.forge.add_organization("nest").unwrap();
        place.forge.add_team("nest", "core", &[]).unwrap();
        let line = "bootstrap github --owner=nest --repository=fleet --path=clusters/beta --team=core";
        let (ok, printed, _) = place.run(line, PLENTY).await;
        let granted = "✔ granted \"maintain\" permissions to \"core\"\n";
        let [begun, ended] =
            ["► reconciling repository permissions\n", "✔ reconciled repository permissions\n"];
        assert!(ok && printed.contains(&format!("{begun}{granted}{ended}")), "{printed}");
        // Again, and with another permission: what the team has stays.
        let (ok, printed, _) = place.run(&format!("{line}:pull"), PLENTY).await;
        assert!(ok && printed.contains(&format!("{begun}{ended}")), "{printed}");
        let (ok, printed, _) = place.run(&format!("{line}:pull --reconcile"), PLENTY).await;
        assert!(ok && printed.contains("✔ granted \"pull\" permissions to \"core\"\n"), "{printed}");
        let (ok, printed, _) = place.run(&format!("{line} --team=nobody"), PLENTY).await;
        assert!(
            !ok && printed.contains("✗ failed to grant \"maintain\" permissions to \"nobody\": "),
            "{printed}"
        );
        assert!(printed.contains("✔ all components are healthy\n"), "{printed}");
        assert!(
            printed.ends_with("✗ failed to grant permissions to team: reconciled with warning\n"),
            "{printed}"
        );
    });
}

#[test]
fn with_a_token_the_cluster_needs_no_key() {
    play(async |place| {
        let (ok, printed, _) = place.run(&format!("{BETA} --token-auth"), PLENTY).await;
        assert!(ok, "{printed}");
        assert!(!printed.contains("public key") && place.keys().is_empty(), "{printed}");
        assert_eq!(place.secret("username").await, "git");
        let source = place.object("source.toolkit.fluxcd.io/v1", "GitRepository", NAMESPACE).await;
        assert_eq!(source["spec"]["url"], "https://github.com/owls/gitops.git");
        assert!(!printed.contains(&place.secret("password").await), "the token is not printed");
    });
}

#[rstest]
#[case::ed25519("--ssh-key-algorithm=ed25519", "ssh-ed25519")]
#[case::curve("--ssh-ecdsa-curve=p256", "ecdsa-sha2-nistp256")]
fn keys_are_of_the_kind_that_is_asked_for(#[case] flag: &str, #[case] kind: &str) {
    let (line, kind) = (format!("{BETA} {flag}"), kind.to_owned());
    play(async move |place| {
        let (ok, printed, _) = place.run(&line, PLENTY).await;
        assert!(ok && printed.contains(&format!("✔ public key: {kind} ")), "{printed}");
        assert!(place.keys()[0].2.starts_with(&kind));
    });
}

/// Keys of the engine's fixtures, as `gpg --export-secret-keys` writes them.
fn key_ring(name: &str, folder: &Path) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/data/signatures/openpgp");
    let text = std::fs::read_to_string(fixtures.join(format!("{name}.asc"))).unwrap();
    let (_, body) = text.split_once("\n\n").unwrap();
    let encoded: String = body.lines().take_while(|line| !line.starts_with(['=', '-'])).collect();
    let file = folder.join(name);
    std::fs::write(&file, STANDARD.decode(encoded).unwrap()).unwrap();
    file.display().to_string()
}

#[test]
fn commits_in_process_are_signed_too() {
    play(async move |place| {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("{BETA} --gpg-key-ring={}", key_ring("ed", folder.path()));
        let (ok, printed, _) = place.run(&line, PLENTY).await;
        assert!(ok, "{printed}");
        let commits = place.repo.log("master", 100).unwrap();
        assert_eq!(commits.len(), 2);
        let repository = git2::Repository::open(place.repo.path()).unwrap();
        for commit in commits {
            let id = git2::Oid::from_str(&commit.id.to_string()).unwrap();
            let (signature, text) = repository.extract_signature(&id, None).unwrap();
            assert!(signature.starts_with(b"-----BEGIN PGP SIGNATURE-----"));
            assert!(text.starts_with(b"tree "));
        }
        // A locked subkey is found out when there is something to sign.
        let line = format!(
            "{BETA}/other --gpg-passphrase=hunter2 --gpg-key-ring={}",
            key_ring("lockedsub", folder.path())
        );
        let (ok, printed, _) = place.run(&line, PLENTY).await;
        let want = "failed to commit component manifests: ";
        assert!(!ok && printed.contains(want) && printed.contains("signing key is encrypted"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    });
}

#[rstest]
#[case::component("--components=source-controller", "component kustomize-controller is required")]
#[case::extra("--components-extra=foo", "component foo is not available")]
#[case::another_release(
    "--version=v2.2.3 --components-extra=source-watcher",
    "is not available in Flux 2.2.3"
)]
#[case::level("--log-level=loud", "unsupported log level 'loud', must be one of: debug, info, error")]
#[case::size("--ssh-rsa-bits=1024", "2048, 3072, 4096 and 8192")]
#[case::unsupported("--ssh-signing-key-file=x", "--ssh-signing-key-file is not supported by seatrial")]
#[case::no_ring(
    "--gpg-key-ring=/none --gpg-passphrase=x",
    "invalid GPG signing key: unable to open GPG key ring: open /none: no such file"
)]
#[case::branch("--branch=nope", "couldn't find remote ref \"refs/heads/nope\"")]
fn what_is_wrong_is_told_and_nothing_is_written(#[case] flags: &str, #[case] want: &str) {
    let (line, want) = (format!("{BETA} {flags}"), want.to_owned());
    play(async move |place| {
        let first = crate::forge::Change::new("First").write("README.md", "x");
        place.repo.commit("master", &first).unwrap();
        let (ok, printed, _) = place.run(&line, PLENTY).await;
        assert!(!ok && printed.contains(&want), "{printed}");
        assert_eq!(place.repo.log("master", 100).unwrap().len(), 1);
        assert!(place.keys().is_empty());
        assert!(place.object("v1", "Namespace", NAMESPACE).await.is_null());
    });
}

#[test]
fn a_token_that_the_forge_does_not_know_opens_nothing() {
    play(async |place| {
        let (ok, printed, _) = place.run_with(BETA, PLENTY, "ghp_wrong").await;
        assert!(!ok && printed.contains("Bad credentials") && !printed.contains("ghp_wrong"), "{printed}");
        assert!(place.object("v1", "Namespace", NAMESPACE).await.is_null());
    });
}

#[test]
fn a_repository_that_does_not_exist_is_made() {
    play(async |place| {
        place.forge.add_organization("nest").unwrap();
        let line = "bootstrap github --owner=nest --repository=fleet --path=clusters/beta";
        let (ok, printed, _) = place.run(line, PLENTY).await;
        assert!(ok, "{printed}");
        assert!(printed.contains("✔ repository \"https://github.com/nest/fleet\" created\n"), "{printed}");
        let (repo, hosted) = place.forge.find("nest", "fleet").unwrap();
        assert!(hosted.private);
        assert_eq!(repo.log("main", 10).unwrap().len(), 2);
    });
}
