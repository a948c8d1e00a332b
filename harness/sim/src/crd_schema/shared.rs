//! Compiled schemas, shared by all clusters of the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::{CompileError, CrdSchema};

/// So many schemas are kept; when there are more, all are forgotten and the cache starts anew.
const KEPT: usize = 512;

/// By the text of the schema, the API version and the kind: a schema compiles to the same wherever it is.
static COMPILED: Mutex<BTreeMap<(String, String, String), Arc<CrdSchema>>> = Mutex::new(BTreeMap::new());

impl CrdSchema {
    /// As [`CrdSchema::compile`], but a schema that was compiled before, for whatever cluster, is not compiled again.
    ///
    /// # Errors
    /// Those of [`CrdSchema::compile`].
    pub fn shared(
        schema: Option<&Value>,
        api_version: &str,
        kind: &str,
        path: &str,
    ) -> Result<Arc<CrdSchema>, Vec<CompileError>> {
        let text = schema.map(Value::to_string).unwrap_or_default();
        let key = (text, api_version.to_owned(), kind.to_owned());
        let known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let compiled = Arc::new(CrdSchema::compile(schema, api_version, kind, path)?);
        let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(key, compiled.clone());
        Ok(compiled)
    }
}
