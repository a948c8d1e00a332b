//! Whether a request may go on.

use super::attributes::Attributes;
use super::policy::Decision;
use super::{User, policy};
use crate::kind::Kind;
use crate::request::Request;
use crate::route::Route;
use crate::serve::Ctx;
use crate::status::Result;
use crate::store::State;

/// Refuses what this user may not do.
pub(super) fn may(state: &mut State, user: &User, wanted: &Attributes) -> Result<()> {
    if user.is_master() {
        return Ok(());
    }
    match policy(state).decide(user, wanted) {
        Decision::Allowed(_) => Ok(()),
        Decision::Denied(why) => Err(wanted.refusal(user, &why)),
    }
}

/// Refuses a request to a place where its user may not send it, or whose sender may not act as that user.
pub(crate) fn request(state: &mut State, request: &Request, route: &Route) -> Result<()> {
    if let Some(sender) = &request.impersonator {
        super::impersonate::may(state, sender, request)?;
    }
    if request.identity.is_master() {
        return Ok(());
    }
    may(state, &User::from(&request.identity), &Attributes::of(request, route))
}

/// Refuses a write that would create its object, where its user may only change what is there.
pub(crate) fn may_create(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<()> {
    if ctx.request.identity.is_master() {
        return Ok(());
    }
    let wanted = Attributes::resource("create", &kind.group, &kind.plural, "", namespace, name);
    may(ctx.state, &User::from(&ctx.request.identity), &wanted)
}
