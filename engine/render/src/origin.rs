//! Where an object comes from: what `buildMetadata` prints.

/// What `originAnnotations` and `transformerAnnotations` say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file, relative to the kustomization that is built.
    pub(crate) path: String,
    /// The repository, for remote resources.
    pub(crate) repo: String,
    /// The branch, tag or commit there.
    pub(crate) reference: String,
    /// The file with the generator's or transformer's configuration.
    pub(crate) configured_in: String,
    /// The generator or transformer: apiVersion, kind, name, namespace.
    pub(crate) configured_by: Option<[String; 4]>,
}

impl Origin {
    /// A file of the tree.
    pub(crate) fn file(path: impl Into<String>) -> Origin {
        Origin { path: path.into(), ..Origin::default() }
    }

    /// A generator or transformer.
    pub(crate) fn configured(
        configured_in: &str,
        api_version: &str,
        kind: &str,
        name: &str,
        namespace: &str,
    ) -> Origin {
        Origin {
            configured_in: configured_in.to_owned(),
            configured_by: Some([api_version, kind, name, namespace].map(str::to_owned)),
            ..Origin::default()
        }
    }

    /// The lines of the annotation, as YAML.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut put = |indent: &str, key: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("{indent}{key}: {}", scalar(value)));
            }
        };
        put("", "path", &self.path);
        put("", "repo", &self.repo);
        put("", "ref", &self.reference);
        put("", "configuredIn", &self.configured_in);
        if let Some([api_version, kind, name, namespace]) = &self.configured_by {
            let parts =
                [("apiVersion", api_version), ("kind", kind), ("name", name), ("namespace", namespace)];
            let mut inner = Vec::new();
            for (key, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
                inner.push(format!("  {key}: {}", scalar(value)));
            }
            lines.push(if inner.is_empty() { "configuredBy: {}" } else { "configuredBy:" }.to_owned());
            lines.extend(inner);
        }
        lines
    }

    /// The text of `config.kubernetes.io/origin`.
    pub(crate) fn to_yaml(&self) -> String {
        self.lines().iter().map(|line| format!("{line}\n")).collect()
    }

    /// The text of `alpha.config.kubernetes.io/transformations`.
    pub(crate) fn list_to_yaml<'a>(origins: impl IntoIterator<Item = &'a Origin>) -> String {
        let mut out = String::new();
        for origin in origins {
            for (i, line) in origin.lines().iter().enumerate() {
                out.push_str(if i == 0 { "- " } else { "  " });
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }
}

/// A string as YAML prints it.
fn scalar(text: &str) -> String {
    let printed = seatrial_yaml::emit_json(&text.into()).unwrap_or_default();
    printed.trim_end_matches('\n').to_owned()
}
