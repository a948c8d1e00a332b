//! A kind of object in one version, built in or defined by a CustomResourceDefinition.

use std::ops::Deref;
use std::sync::Arc;

use seatrial_schema::{Resource, TypeRef};

use crate::custom::CustomVersion;
use crate::status::qualified;

/// A served kind in one version. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Of the emulated release.
    BuiltIn(&'static Resource),
    /// Of a CustomResourceDefinition.
    Custom(Arc<CustomVersion>),
}

impl Deref for Kind {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        match self {
            Kind::BuiltIn(resource) => resource,
            Kind::Custom(version) => &version.resource,
        }
    }
}

impl Kind {
    /// The built-in kind under a path.
    pub(crate) fn built_in(group: &str, version: &str, plural: &str) -> Option<Kind> {
        // Two kinds can stand under one plural; that which is stored goes first.
        seatrial_schema::kubernetes().resource_by_plural(group, version, plural).map(Kind::BuiltIn)
    }

    /// The name of the table that holds the objects, the same for all versions: `deployments.apps`.
    pub(crate) fn table(&self) -> String {
        match (self.group.as_ref(), self.plural.as_ref()) {
            ("events.k8s.io", "events") => "events".to_owned(),
            (group, plural) => qualified(plural, group),
        }
    }

    /// The name of the kind of a list.
    pub(crate) fn list_kind(&self) -> String {
        match self {
            Kind::BuiltIn(resource) => format!("{}List", resource.kind),
            Kind::Custom(version) => version.list_kind.clone(),
        }
    }

    /// The type of the objects.
    pub(crate) fn ty(&self) -> TypeRef<'_> {
        match self {
            Kind::BuiltIn(r) => {
                let known = seatrial_schema::kubernetes().type_of(&r.api_version(), &r.kind);
                known.unwrap_or_else(seatrial_schema::Schema::anything)
            }
            Kind::Custom(version) => version.ty(),
        }
    }

    /// Whether it is this built-in kind.
    pub(crate) fn is(&self, group: &str, kind: &str) -> bool {
        matches!(self, Kind::BuiltIn(r) if r.group == group && r.kind == kind)
    }

    pub(crate) fn is_custom(&self) -> bool {
        matches!(self, Kind::Custom(_))
    }
}
