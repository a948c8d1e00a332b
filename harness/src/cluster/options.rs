//! The settings of backends, from flags or from the environment.

use super::{Backend, BackendError};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Who runs the pods of a real cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pods {
    /// The cluster's nodes where it has some, else the simulation.
    #[default]
    Auto,
    /// The cluster's nodes: images are pulled, processes run.
    Real,
    /// seatrial-workload: a Node object whose pods become what profiles say, without images and processes.
    Simulated,
}

impl FromStr for Pods {
    type Err = String;

    fn from_str(text: &str) -> Result<Pods, String> {
        match text {
            "auto" => Ok(Pods::Auto),
            "real" => Ok(Pods::Real),
            "simulated" => Ok(Pods::Simulated),
            _ => Err(format!("there is no {text:?}: use auto, real or simulated")),
        }
    }
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pods::Auto => "auto",
            Pods::Real => "real",
            Pods::Simulated => "simulated",
        })
    }
}

/// The settings of all backends. Each uses those that concern it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendOptions {
    /// envtest: the folder with `kube-apiserver` and `etcd`. Default: `/usr/local/kubebuilder/bin`.
    /// Environment: `KUBEBUILDER_ASSETS`.
    pub assets: PathBuf,
    /// How long a cluster may take to become usable. Default: 2 minutes. Environment: `SEATRIAL_STARTUP_TIMEOUT`, in seconds.
    pub startup_timeout: Duration,
    /// k3s, kubeconfig: who runs the pods. Default: auto. Environment: `SEATRIAL_PODS`.
    pub pods: Pods,
    /// k3s, kubeconfig: what stands in the place of the images of Flux's controllers where nodes are real.
    /// Default: `registry.k8s.io/pause:3.10`. Environment: `SEATRIAL_PLACEHOLDER_IMAGE`.
    pub placeholder_image: String,
    /// k3s: the image, with its tag. Environment: `SEATRIAL_K3S_IMAGE`.
    pub k3s_image: String,
    /// k3s: whether containers are privileged, as k3s needs to run pods. Default: true. Environment:
    /// `SEATRIAL_K3S_PRIVILEGED`, `true` or `false`.
    pub k3s_privileged: bool,
    /// kubeconfig: the file. Default: what `kubectl` reads (`KUBECONFIG`, else `~/.kube/config`).
    pub kubeconfig: Option<PathBuf>,
    /// kubeconfig: the context of each cluster. Environment: `SEATRIAL_CONTEXTS`, `CLUSTER=CONTEXT,…`.
    pub contexts: BTreeMap<String, String>,
    /// kubeconfig: the contexts that may be used. Environment: `SEATRIAL_ALLOW_CONTEXTS`, with commas.
    pub allowed_contexts: BTreeSet<String>,
}

impl Default for BackendOptions {
    fn default() -> BackendOptions {
        BackendOptions {
            assets: PathBuf::from("/usr/local/kubebuilder/bin"),
            startup_timeout: Duration::from_secs(120),
            pods: Pods::Auto,
            placeholder_image: "registry.k8s.io/pause:3.10".to_owned(),
            k3s_image: "rancher/k3s:v1.36.1-k3s1".to_owned(),
            k3s_privileged: true,
            kubeconfig: None,
            contexts: BTreeMap::new(),
            allowed_contexts: BTreeSet::new(),
        }
    }
}

impl BackendOptions {
    /// The defaults, with what the environment says otherwise: `variable` reads a variable.
    ///
    /// # Errors
    /// [`BackendError::Settings`] names the variable whose value cannot be read.
    pub fn from_environment(
        backend: Backend,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<BackendOptions, BackendError> {
        let text = |name: &str| match variable(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(BackendError::Settings { backend, message: format!("{name} is not UTF-8") }),
            },
        };
        let wrong = |name: &str, value: &str, want: &str| BackendError::Settings {
            backend,
            message: format!("{name}={value} cannot be read: {want}"),
        };
        let mut options = BackendOptions::default();
        if let Some(folder) = variable("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
            options.assets = PathBuf::from(folder);
        }
        if let Some(value) = text("SEATRIAL_STARTUP_TIMEOUT")? {
            let seconds = value
                .parse()
                .map_err(|_| wrong("SEATRIAL_STARTUP_TIMEOUT", &value, "write a number of seconds"))?;
            options.startup_timeout = Duration::from_secs(seconds);
        }
        if let Some(value) = text("SEATRIAL_PODS")? {
            options.pods = value.parse().map_err(|error: String| wrong("SEATRIAL_PODS", &value, &error))?;
        }
        if let Some(value) = text("SEATRIAL_PLACEHOLDER_IMAGE")? {
            options.placeholder_image = value;
        }
        if let Some(value) = text("SEATRIAL_K3S_IMAGE")? {
            options.k3s_image = value;
        }
        if let Some(value) = text("SEATRIAL_K3S_PRIVILEGED")? {
            let read = value.parse();
            options.k3s_privileged =
                read.map_err(|_| wrong("SEATRIAL_K3S_PRIVILEGED", &value, "write true or false"))?;
        }
        for pair in words(text("SEATRIAL_CONTEXTS")?) {
            let (cluster, context) = pair
                .split_once('=')
                .ok_or_else(|| wrong("SEATRIAL_CONTEXTS", &pair, "write CLUSTER=CONTEXT"))?;
            options.contexts.insert(cluster.to_owned(), context.to_owned());
        }
        options.allowed_contexts = words(text("SEATRIAL_ALLOW_CONTEXTS")?).into_iter().collect();
        Ok(options)
    }
}

fn words(list: Option<String>) -> Vec<String> {
    list.unwrap_or_default().split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read(variables: &[(&str, &str)]) -> Result<BackendOptions, BackendError> {
        BackendOptions::from_environment(Backend::K3s, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        assert_eq!(read(&[]).unwrap(), BackendOptions::default());
        assert_eq!(
            read(&[("KUBEBUILDER_ASSETS", ""), ("SEATRIAL_PODS", "")]).unwrap(),
            BackendOptions::default()
        );
    }

    #[test]
    fn every_setting_can_be_given_by_the_environment() {
        let options = read(&[
            ("KUBEBUILDER_ASSETS", "/opt/k"),
            ("SEATRIAL_STARTUP_TIMEOUT", "7"),
            ("SEATRIAL_PODS", "simulated"),
            ("SEATRIAL_PLACEHOLDER_IMAGE", "pause:1"),
            ("SEATRIAL_K3S_IMAGE", "k3s:1"),
            ("SEATRIAL_K3S_PRIVILEGED", "false"),
            ("SEATRIAL_CONTEXTS", "beta=kind-b,production=kind-p"),
            ("SEATRIAL_ALLOW_CONTEXTS", "kind-b,kind-p"),
        ])
        .unwrap();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let want = BackendOptions {
            assets: PathBuf::from("/opt/k"),
            startup_timeout: Duration::from_secs(7),
            pods: Pods::Simulated,
            placeholder_image: "pause:1".to_owned(),
            k3s_image: "k3s:1".to_owned(),
            k3s_privileged: false,
            kubeconfig: None,
            contexts: [pair("beta", "kind-b"), pair("production", "kind-p")].into(),
            allowed_contexts: ["kind-b".to_owned(), "kind-p".to_owned()].into(),
        };
        assert_eq!(options, want);
    }

    #[rstest]
    #[case("SEATRIAL_STARTUP_TIMEOUT", "2m", "write a number of seconds")]
    #[case("SEATRIAL_PODS", "fake", "use auto, real or simulated")]
    #[case("SEATRIAL_K3S_PRIVILEGED", "yes", "write true or false")]
    #[case("SEATRIAL_CONTEXTS", "beta", "write CLUSTER=CONTEXT")]
    fn values_that_cannot_be_read_are_named(#[case] name: &str, #[case] value: &str, #[case] want: &str) {
        let error = read(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(&format!("{name}={value}")) && error.ends_with(want), "{error}");
    }
}
