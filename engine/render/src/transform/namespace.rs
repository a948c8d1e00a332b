//! Namespaces.

use seatrial_yaml::Node;

use crate::config::{Create, FieldSpec};
use crate::error::{Result, fail};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Which subjects of role bindings move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those with the name `default`.
    Default,
    /// All service accounts.
    AllServiceAccounts,
    /// None.
    None,
}

/// What to set.
pub(crate) struct NamespaceArgs<'a> {
    pub(crate) namespace: &'a str,
    /// Leave namespaces that are set alone.
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

impl<'a> NamespaceArgs<'a> {
    pub(crate) fn new(namespace: &'a str) -> NamespaceArgs<'a> {
        NamespaceArgs { namespace, unset_only: false, subjects: Subjects::Default }
    }

    fn set(&self, node: &mut Node) -> Result<()> {
        if self.unset_only && !node.is_null() && node.as_str().is_some_and(|text| !text.is_empty()) {
            return Ok(());
        }
        if !node.is_scalar() {
            return fail(format!("wrong node kind: expected scalar, but got {}", node.kind_name()));
        }
        let mut namespace = Node::text(self.namespace);
        namespace.take_style(node);
        namespace.quote_what_is_no_string();
        *node = namespace;
        Ok(())
    }
}

/// Puts all objects that live in namespaces into one, and tells those that refer to it.
pub(crate) fn set_namespace(
    resources: &mut ResMap,
    args: &NamespaceArgs<'_>,
    specs: &[FieldSpec],
) -> Result<()> {
    if args.namespace.is_empty() {
        return Ok(());
    }
    let everywhere = FieldSpec::new("", "", "", "metadata/namespace", true);
    for resource in resources.list_mut() {
        resource.remember_id();
        set_in(resource, args, &everywhere, specs)?;
    }
    resources.check_unique("namespace transformation produces ID conflict")
}

fn set_in(
    resource: &mut Resource,
    args: &NamespaceArgs<'_>,
    everywhere: &FieldSpec,
    specs: &[FieldSpec],
) -> Result<()> {
    let gvk = resource.gvk();
    if !resource.is_cluster_scoped() {
        everywhere.apply(&gvk, resource.node_mut(), Create::Scalar, &mut |node| args.set(node))?;
    }
    let binding = matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
    if binding {
        set_subjects(resource, args)?;
    }
    for spec in specs {
        let handled = match spec.path.as_str() {
            "metadata/namespace" => true,
            "metadata/name" => gvk.api_version() != "v1",
            "subjects/namespace" => binding,
            _ => false,
        };
        if !handled {
            spec.apply(&gvk, resource.node_mut(), Create::Scalar, &mut |node| args.set(node))?;
        }
    }
    Ok(())
}

fn set_subjects(resource: &mut Resource, args: &NamespaceArgs<'_>) -> Result<()> {
    let (key, value) = match args.subjects {
        Subjects::Default => ("name", "default"),
        Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
        Subjects::None => return Ok(()),
    };
    let Some(subjects) = resource.node_mut().get_mut("subjects").and_then(Node::items_mut) else {
        return Ok(());
    };
    for subject in subjects.iter_mut().filter(|s| s.str_at(&[key]) == Some(value)) {
        if !subject.has("namespace") {
            subject.set("namespace", Node::plain(""));
        }
        if let Some(node) = subject.get_mut("namespace") {
            args.set(node)?;
        }
    }
    Ok(())
}
