//! `check`: whether the cluster fits, and whether what is installed is healthy.

use crate::bootstrap::{Component, is_deployed, release};
use crate::flags::{SWITCH, duration, list, switch};
use crate::wait::condition;
use crate::{ApiError, Env, Global, Screen, Session, VerbError};
use seatrial_api::FluxRelease;
use serde_json::Value;

/// Check whether a cluster fits, and whether Flux is healthy there.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true, disable_version_flag = true)]
pub struct Args {
    /// The controllers that must be there; several with commas, or several times [default: source-controller,
    /// kustomize-controller, helm-controller, notification-controller].
    #[arg(long, value_name = "NAME")]
    components: Vec<String>,
    /// Controllers that must be there beside them.
    #[arg(long, value_name = "NAME")]
    components_extra: Vec<String>,
    /// How often the cluster is looked at [default: 5s].
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    poll_interval: Option<String>,
    /// Check only whether Flux could be installed.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    pre: Option<String>,
    /// The release that the cluster is to fit, with --pre: v2.2.3 or v2.9.
    #[arg(short = 'v', long, value_name = "RELEASE")]
    version: Option<String>,
    #[command(flatten)]
    global: Global,
}

/// Flux's components have this label.
const PART_OF: &str = "app.kubernetes.io/part-of=flux";
const QUERY: &str = "?labelSelector=app.kubernetes.io/part-of%3Dflux";

/// Checks.
///
/// # Errors
/// Wrong usage, a cluster that does not answer; [`VerbError::Failed`] where something is not as it should be.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    args.global.check()?;
    let pre = switch("--pre", args.pre.as_deref())?;
    let poll = args.poll_interval.as_deref().map(|text| duration("--poll-interval", text)).transpose()?;
    let mut wanted = list("--components", &args.components)?;
    if wanted.is_empty() {
        wanted = Component::USUAL.iter().map(|component| component.name().to_owned()).collect();
    }
    wanted.extend(list("--components-extra", &args.components_extra)?);
    let flux = release(env, args.version.as_deref())?;
    let session = Session::open(env, &args.global).await?;

    screen.action("checking prerequisites");
    let installed = installed(&session).await?;
    let of = installed.as_ref().and_then(|found| found.release()).filter(|_| args.version.is_none());
    let fits = kubernetes(&session, of.unwrap_or(flux), screen).await?;
    if pre {
        if !fits {
            return Err(VerbError::failed("prerequisites checks failed"));
        }
        screen.success("prerequisites checks passed");
        return Ok(());
    }

    let mut passed = fits;
    screen.action("checking version in cluster");
    passed &= version(installed.as_ref(), screen);
    screen.action("checking controllers");
    let poll = poll.map_or(std::time::Duration::from_secs(5), |poll| poll.to_std());
    passed &= controllers(&session, &wanted, poll, screen).await?;
    screen.action("checking crds");
    passed &= definitions(&session, screen).await?;
    if !passed {
        return Err(VerbError::failed("check failed"));
    }
    screen.success("all checks passed");
    Ok(())
}

/// The oldest Kubernetes that a release runs on.
fn oldest(flux: FluxRelease) -> (&'static str, [u64; 3]) {
    match flux {
        FluxRelease::V2_2_3 => (">=1.26.0-0", [1, 26, 0]),
        FluxRelease::V2_9 => (">=1.33.0-0", [1, 33, 0]),
    }
}

/// Whether the cluster's version is new enough.
async fn kubernetes(session: &Session, flux: FluxRelease, screen: &mut Screen) -> Result<bool, VerbError> {
    let version = session.read("/version").await?;
    let text = version["gitVersion"].as_str().unwrap_or_default();
    let shown = text.trim_start_matches('v');
    let Some(found) = numbers(shown) else {
        screen.failure("Kubernetes version can't be determined");
        return Ok(false);
    };
    let (range, oldest) = oldest(flux);
    if found < oldest {
        screen.failure(format!("Kubernetes version {text} does not match {range}"));
        return Ok(false);
    }
    screen.success(format!("Kubernetes {shown} {range}"));
    Ok(true)
}

/// The three numbers of a version such as `1.28.3+k3s1`.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let core = version.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some([next()?, next()?, next()?])
}

/// What the definition of GitRepository says of the installation.
struct Installed {
    labels: Value,
}

impl Installed {
    fn label(&self, name: &str) -> &str {
        self.labels[name].as_str().unwrap_or_default()
    }

    fn version(&self) -> &str {
        self.label("app.kubernetes.io/version")
    }

    /// The release, where it is one that is known.
    fn release(&self) -> Option<FluxRelease> {
        FluxRelease::of_version(self.version())
    }

    /// Whether a Kustomization manages it.
    fn is_bootstrapped(&self) -> bool {
        ["name", "namespace"]
            .iter()
            .all(|of| !self.label(&format!("kustomize.toolkit.fluxcd.io/{of}")).is_empty())
    }
}

const DEFINITION: &str = "gitrepositories.source.toolkit.fluxcd.io";

async fn installed(session: &Session) -> Result<Option<Installed>, VerbError> {
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{DEFINITION}");
    let found = session.find(&path).await?;
    Ok(found.map(|found| Installed { labels: found["metadata"]["labels"].clone() }))
}

fn version(installed: Option<&Installed>, screen: &mut Screen) -> bool {
    let Some(installed) = installed else {
        screen.failure(format!(
            "checking failed: customresourcedefinitions.apiextensions.k8s.io {DEFINITION:?} not found"
        ));
        return false;
    };
    let distribution = installed.label("app.kubernetes.io/part-of");
    let version = installed.version();
    let named = if distribution.is_empty() { "flux" } else { distribution };
    screen.success(format!("distribution: {named}-{version}"));
    screen.success(format!("bootstrapped: {}", installed.is_bootstrapped()));
    true
}

/// Whether all controllers are ready, and those of `wanted` are there.
async fn controllers(
    session: &Session,
    wanted: &[String],
    poll: std::time::Duration,
    screen: &mut Screen,
) -> Result<bool, VerbError> {
    let path = format!("/apis/apps/v1/namespaces/{}/deployments", session.namespace);
    let listed = session.read(&format!("{path}{QUERY}")).await?;
    let listed = listed["items"].as_array().cloned().unwrap_or_default();
    if listed.is_empty() {
        screen.failure(format!(
            "no controllers found in the '{}' namespace with the label selector '{PART_OF}'",
            session.namespace
        ));
        return Ok(false);
    }
    let mut passed = true;
    for found in &listed {
        let name = found["metadata"]["name"].as_str().unwrap_or_default();
        match ready(session, &format!("{path}/{name}"), found, poll).await? {
            true => screen.success(format!("{name}: deployment ready")),
            false => {
                passed = false;
                screen.failure(format!("{name}: deployment not ready"));
            }
        }
        let containers = found["spec"]["template"]["spec"]["containers"].as_array();
        for container in containers.into_iter().flatten() {
            screen.action(container["image"].as_str().unwrap_or_default());
        }
    }
    for name in wanted {
        if !listed.iter().any(|found| found["metadata"]["name"] == name.as_str()) {
            passed = false;
            screen.failure(format!("{name}: deployment not found"));
        }
    }
    Ok(passed)
}

/// Whether a Deployment is ready, or becomes it in time.
async fn ready(
    session: &Session,
    path: &str,
    found: &Value,
    poll: std::time::Duration,
) -> Result<bool, VerbError> {
    if is_deployed(found) {
        return Ok(true);
    }
    let poll = poll.max(std::time::Duration::from_millis(10));
    loop {
        let left = session.left();
        if left.is_zero() {
            return Ok(false);
        }
        session.clock.sleep(poll.min(left)).await;
        match session.find(path).await {
            Ok(Some(found)) if is_deployed(&found) => return Ok(true),
            // No time is left for an answer.
            Err(ApiError::Unreachable { .. }) if session.left().is_zero() => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the definitions are there. When no time is left nothing is said of them, as by flux.
async fn definitions(session: &Session, screen: &mut Screen) -> Result<bool, VerbError> {
    if session.left().is_zero() {
        return Ok(false);
    }
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions{QUERY}");
    let listed = session.read(&path).await?;
    let listed = listed["items"].as_array().cloned().unwrap_or_default();
    if listed.is_empty() {
        screen.failure(format!("no crds found with the label selector '{PART_OF}'"));
        return Ok(false);
    }
    let mut passed = true;
    for found in &listed {
        let name = found["metadata"]["name"].as_str().unwrap_or_default();
        let stored = found["status"]["storedVersions"].as_array();
        let stored = stored.and_then(|all| all.last()).and_then(Value::as_str).unwrap_or_default();
        let established = condition(found, "Established").is_some_and(|said| said["status"] == "True");
        match established {
            true => screen.success(format!("{name}/{stored}")),
            false => {
                passed = false;
                screen.failure(format!("{name}/{stored}"));
            }
        }
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::numbers;
    use rstest::rstest;

    #[rstest]
    #[case::plain("1.28.3", Some([1, 28, 3]))]
    #[case::of_a_distribution("1.33.1+k3s1", Some([1, 33, 1]))]
    #[case::before_a_release("1.34.0-rc.1", Some([1, 34, 0]))]
    #[case::short("1.28", None)]
    #[case::none("", None)]
    fn versions_are_read(#[case] text: &str, #[case] numbers_of: Option<[u64; 3]>) {
        assert_eq!(numbers(text), numbers_of);
    }
}
