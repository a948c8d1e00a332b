//! The schema of one version of a CustomResourceDefinition: pruning, defaulting, validation, rules. Pure.
//!
//! A [`CrdSchema`] is compiled once, when the definition is created or changed; patterns, rules and the type for server-side
//! apply are ready then.
//!
//! # Flow of a write
//! Decoding a create or update: [`CrdSchema::prune`], [`CrdSchema::default`], [`CrdSchema::drop_nulls`]; the result of an apply
//! patch: prune and default only. Then, after admission, [`CrdSchema::validate`].
//!
//! # Limits
//! Refused when the definition is compiled, with the place and the name: keywords that are not structural, rules that call a
//! function which the evaluator does not have (`timestamp`, `duration`, `url`, `quantity`, `ip`, …), `optionalOldSelf`, and
//! patterns outside of RE2's syntax. Costs of rules are not estimated.

mod convert;
mod defaults;
mod evaluate;
mod format;
mod names;
mod node;
mod parse;
mod path;
mod prune;
mod rules;
mod shared;
mod validate;
mod violation;

pub use violation::{CompileError, Violation};

use seatrial_schema::{Schema, TypeRef, split_api_version};
use serde_json::Value;

use node::Node;

/// A compiled schema. Cheap to use, dear to make: keep it for as long as the definition does not change.
#[derive(Debug)]
pub struct CrdSchema {
    root: Option<Node>,
    /// The root as rules see it, where there are rules.
    root_for_rules: Option<Node>,
    schema: Schema,
    api_version: String,
    kind: String,
}

impl CrdSchema {
    /// Compiles `spec.versions[].schema.openAPIV3Schema` of a kind; `None` where the version has no schema: any object will do.
    ///
    /// `api_version` is the group and version of the custom resource (`example.com/v1`). `path` is where the schema stands, for
    /// errors (`spec.validation.openAPIV3Schema`, as the real server reports it).
    ///
    /// # Errors
    /// Everything that is not structural, and everything that is not supported, by place.
    pub fn compile(
        schema: Option<&Value>,
        api_version: &str,
        kind: &str,
        path: &str,
    ) -> Result<CrdSchema, Vec<CompileError>> {
        let root = schema.map(|s| parse::root(s, path)).transpose()?;
        let (group, version) = split_api_version(api_version);
        let schema = convert::schema(root.as_ref(), group, version, kind);
        let with_rules = root.as_ref().filter(|root| rules::any(root));
        let root_for_rules = with_rules.map(|root| Node { embedded: true, ..root.clone() });
        Ok(CrdSchema {
            root,
            root_for_rules,
            schema,
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// Removes what the schema does not declare. Returns the paths of what was removed (`spec.foo`, `spec.list[0].foo`), sorted:
    /// strict field validation refuses them, the default warns of them.
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        self.root.as_ref().map(|root| prune::prune(object, root)).unwrap_or_default()
    }

    /// Fills in defaults, also in place of `null` where the field is not nullable.
    pub fn default(&self, object: &mut Value) {
        if let Some(root) = &self.root {
            defaults::default(object, root);
        }
    }

    /// Removes `null` from fields that are not nullable. Only writes that are decoded (create, update) have this done to them.
    pub fn drop_nulls(&self, object: &mut Value) {
        if let Some(root) = &self.root {
            defaults::drop_nulls(object, root);
        }
    }

    /// What is wrong with an object: the structure first, then the rules, which are left out where the structure is so wrong
    /// that they cannot be evaluated. `old` is the live object of an update, for rules that use `oldSelf`.
    ///
    /// `metadata` is not validated here.
    pub fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Violation> {
        let Some(root) = &self.root else { return Vec::new() };
        let mut found = validate::validate(object, root);
        if let Some(root) = &self.root_for_rules {
            if found.iter().any(Violation::blocks_rules) {
                found.push(Violation::rules_unchecked());
            } else {
                found.extend(evaluate::evaluate(object, old, root));
            }
        }
        found
    }

    /// The type of the kind, for server-side apply.
    pub fn type_ref(&self) -> TypeRef<'_> {
        self.schema.type_of(&self.api_version, &self.kind).unwrap_or_else(Schema::anything)
    }
}
