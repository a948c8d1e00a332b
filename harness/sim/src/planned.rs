//! Dry runs that are followed by the same apply: what was worked out is stored, and not worked out again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::kind::Kind;
use crate::meta;
use crate::object::{Key, Object};
use crate::rbac;
use crate::serve::{Answer, Ctx};
use crate::write::{self, Outcome};

/// So many dry runs are kept; beyond that, all are forgotten.
const MOST: usize = 512;

/// The outcomes of dry runs of applies, by the digest of everything in the request that matters.
#[derive(Debug, Default)]
pub(crate) struct Plans(BTreeMap<u128, Plan>);

#[derive(Debug)]
struct Plan {
    table: String,
    key: Key,
    /// The version of the live object; none where the object is to be created.
    live: Option<u64>,
    now: Timestamp,
    value: Value,
    warnings: Vec<String>,
}

/// Kinds whose admission reads other objects (addresses that are taken, classes, roles): their outcome may change while
/// the object itself does not.
fn depends_on_others(kind: &Kind) -> bool {
    let kinds = ["Service", "Pod", "PersistentVolume", "PersistentVolumeClaim"];
    !kind.is_custom() && (kinds.contains(&kind.kind.as_ref()) || kind.group == rbac::GROUP)
}

/// Remembers the outcome of a dry run.
pub(crate) fn remember(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    key: &Key,
    live: Option<&Object>,
    digest: u128,
    outcome: &Outcome,
) {
    let Outcome::NotStored(value) = outcome else { return };
    if !ctx.options.dry_run || depends_on_others(kind) || meta::is_deleting(value) {
        return;
    }
    let plans = &mut ctx.state.plans.0;
    if plans.len() >= MOST {
        plans.clear();
    }
    let plan = Plan {
        table: kind.table().to_string(),
        key: key.clone(),
        live: live.map(Object::version),
        now: ctx.now,
        value: value.clone(),
        warnings: ctx.warnings.clone(),
    };
    plans.insert(digest, plan);
}

/// Stores the outcome of the dry run with the same digest, where there is one and nothing has changed since.
pub(crate) fn carry_out(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    key: &Key,
    live: Option<&Object>,
    digest: u128,
) -> Option<Answer> {
    if ctx.options.dry_run {
        return None;
    }
    let plan = ctx.state.plans.0.remove(&digest)?;
    let same = plan.table == *kind.table()
        && plan.key == *key
        && plan.live == live.map(Object::version)
        // Objects hold times in whole seconds.
        && plan.now.as_second() == ctx.now.as_second();
    let creates = plan.live.is_none();
    let fits =
        !creates || !kind.namespaced || write::check_namespace(ctx, kind, &key.namespace, &key.name).is_ok();
    // The roles may have changed meanwhile.
    if !same || !fits || (creates && rbac::may_create(ctx, kind, &key.namespace, &key.name).is_err()) {
        return None;
    }
    ctx.warnings.extend(plan.warnings);
    let stored = write::commit(ctx, kind, key, plan.value);
    Some(Outcome::Stored(stored).answer(ctx, kind, if creates { 201 } else { 200 }))
}
