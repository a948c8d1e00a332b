//! A simulated API server over HTTPS: finds out who asks, and hands the request to the cluster as that identity.

use super::auth::{self, Token};
use super::gzip;
use super::http::{Answer, Handler, Peer, answer};
use super::tls::Authority;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use seatrial_sim::{Cluster, Identity};
use seatrial_time::Clock;
use serde_json::json;
use std::sync::Arc;
use tower::Service as _;

/// The API of one cluster, for whoever authenticates: with a client certificate of the run's CA, or with the token of the
/// kubeconfig, whose user is `admin`. The cluster decides what they may do, and as whom else they may act.
pub(super) struct Api {
    pub(super) cluster: Cluster,
    pub(super) clock: Clock,
    pub(super) authority: Arc<Authority>,
    pub(super) token: Token,
}

impl Handler for Api {
    fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            let Some(identity) = self.identity(request.headers(), &peer) else { return unauthorized() };
            let gzip = gzip::is_accepted(request.headers());
            match self.cluster.mount(identity).call(request).await {
                Ok(response) => {
                    let answer = response.map(|body| body.map_err(|never| match never {}).boxed_unsync());
                    if gzip { gzip::compress(answer).await } else { answer }
                }
                Err(never) => match never {},
            }
        })
    }
}

impl Api {
    /// Who has sent a request; `None` for strangers.
    fn identity(&self, headers: &HeaderMap, peer: &Peer) -> Option<Identity> {
        // The same order as in kube-apiserver.
        let by_certificate = || self.authority.identify(&peer.certificates, self.clock.now());
        let by_token =
            || auth::bearer(headers).filter(|token| self.token.is(token)).map(|_| Identity::admin());
        by_certificate().or_else(by_token)
    }
}

/// The refusal of a stranger, in the API's own form.
fn unauthorized() -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
    });
    answer(StatusCode::UNAUTHORIZED, "application/json", body.to_string())
}
