//! Annotations.

use std::collections::BTreeMap;

use super::labels::set_pairs;
use crate::config::FieldSpec;
use crate::error::Result;
use crate::resmap::ResMap;

/// Puts annotations on all objects, and where the specs say.
pub(crate) fn annotate(
    resources: &mut ResMap,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<()> {
    set_pairs(resources, pairs, specs)
}
