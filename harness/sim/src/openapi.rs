//! OpenAPI documents: refused until the server can make whole ones.

use crate::serve::{Answer, Ctx};
use crate::status::{Refusal, Result};

pub(crate) fn v2() -> Result<Answer> {
    Err(missing("/openapi/v2"))
}

pub(crate) fn v3(_: &Ctx<'_>, path: &str) -> Result<Answer> {
    Err(missing(&format!("/openapi/v3/{path}")))
}

fn missing(path: &str) -> Refusal {
    let message = format!("the simulated API server does not publish {}", path.trim_end_matches('/'));
    Refusal::new(404, "NotFound", message)
}
