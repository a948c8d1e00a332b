//! The rules, by name.

use std::fmt;
use std::str::FromStr;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does not work, or does what nobody wants.
    Error,
    /// It may be meant so.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $rule:ident $name:literal $about:literal,)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[doc = $doc])+ $rule,)*
        }

        impl Rule {
            /// All rules, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$rule),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name,)* }
            }

            /// What it finds, in one sentence.
            pub fn about(self) -> &'static str {
                match self { $(Rule::$rule => $about,)* }
            }
        }
    };
}

rules! {
    /// What `seatrial run` would refuse.
    Scenario "scenario" "A scenario file cannot be played: what `seatrial run` would refuse.",
    /// The folder of a Kustomization is not in its source.
    MissingPath "missing-path" "The `path` of a Kustomization is not in its source (also where `.sourceignore` leaves it out).",
    /// A Kustomization does not build.
    Build "build" "A Kustomization does not build; in kustomize's words, with the place where it is known.",
    /// A dependency that nothing defines.
    MissingDependency "missing-dependency" "`dependsOn` names a Kustomization or HelmRelease that the cluster does not get.",
    /// Dependencies in a circle.
    DependencyCycle "dependency-cycle" "`dependsOn` leads in a circle, or to the object itself.",
    /// A source that nothing defines.
    MissingSource "missing-source" "A reference leads to a source, ImageRepository or chart that the cluster does not get.",
    /// A version that the release does not serve.
    FluxVersion "flux-version" "An object of a Flux kind has an API version that the cluster's Flux does not serve.",
    /// Fields of Flux kinds.
    FluxFields "flux-fields" "An object of a Flux kind, or a SealedSecret, has a field that its definition does not know, or a value of another type.",
    /// Two Kustomizations apply one object.
    DuplicateObject "duplicate-object" "Two Kustomizations of a cluster apply the same object; a warning where both say the same of it.",
    /// Patterns in lists of services.
    ListPattern "list-pattern" "An entry of `config/ENV/kustomization.yaml` is a pattern: kustomize knows none, and it would deploy whatever lands in the repository.",
    /// Services that are listed and not there.
    MissingService "missing-service" "`config/ENV/kustomization.yaml` lists a service that has no overlay for the environment.",
    /// Services that are there and not listed.
    UnlistedService "unlisted-service" "A service has an overlay for an environment whose list does not name it: it is versioned, not deployed.",
    /// Automations that edit files of other environments.
    Isolation "isolation" "An ImageUpdateAutomation changes a file that another cluster builds from.",
    /// Markers of no policy.
    ImageMarker "image-marker" "The marker of an image policy names one that no cluster gets, or a part that there is not.",
    /// Addresses that are no registries.
    ImageHost "image-host" "An ImageRepository names `hub.docker.com`, which is a web site: the registry is `docker.io`.",
    /// Secrets in Git.
    PlainSecret "plain-secret" "A Secret, a patch of one, or the source of a secret generator, stands in Git in plain text.",
    /// A generator that no SealedSecret follows.
    SealedGeneratorName "sealed-generator-name" "A secret generator over the file of a SealedSecret has another name than the SealedSecret: the hash is not followed.",
    /// A SealedSecret that does not follow its generator.
    SealedNameReference "sealed-name-reference" "No `nameReference` says that a SealedSecret follows the hash of the generator over its file.",
    /// The sealed text as a Secret.
    SealedGeneratorOutput "sealed-generator-output" "What a secret generator makes of the file of a SealedSecret reaches the output: `config.kubernetes.io/local-config` is missing.",
    /// A SealedSecret whose name changes.
    SealedName "sealed-name" "The rendered output gives a SealedSecret a name or namespace that its scope does not allow.",
    /// A SealedSecret that does not open.
    SealedKeys "sealed-keys" "A SealedSecret does not open with the keys of its cluster (`--sealing-keys`, `--cert`).",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule {name:?}: {hint}")]
pub struct NoRule {
    name: String,
    hint: String,
}

impl FromStr for Rule {
    type Err = NoRule;

    fn from_str(name: &str) -> Result<Rule, NoRule> {
        let found = Rule::ALL.iter().find(|rule| rule.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
            let hint = match crate::scenario::nearest(name, &names) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", names.join(", ")),
            };
            NoRule { name: name.to_owned(), hint }
        })
    }
}
