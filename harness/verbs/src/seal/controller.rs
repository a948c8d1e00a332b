//! The controller, asked through the API server's service proxy, as kubeseal asks it.

use super::{Args, SealVerbError, failed, invalid};
use crate::Env;
use crate::connect::connect;
use http::Request;
use kube::client::Body;
use kube::{Client, Config};
use seatrial_seal::API_VERSION;
use seatrial_time::Clock;
use serde_json::Value;
use std::time::Duration;

/// A controller that was found.
pub(super) struct Controller {
    client: Client,
    /// Its place behind the API server.
    path: String,
    /// Its Service and port, as the API server's proxy calls it.
    service: String,
    clock: Clock,
    limit: Duration,
}

impl Controller {
    /// The controller of the flags: its Service says which port it has.
    pub(super) async fn find(args: &Args, env: &Env) -> Result<Controller, SealVerbError> {
        let client = match &env.client {
            Some(client) => client.clone(),
            None => connect(&args.following_context()).await?.client,
        };
        let limit = args.request_limit()?;
        let (namespace, name) = (&args.controller_namespace, &args.controller_name);
        let mut found = Controller {
            client,
            path: String::new(),
            service: String::new(),
            clock: env.clock.clone(),
            limit,
        };
        let service = format!("/api/v1/namespaces/{namespace}/services/{name}");
        let lost = |why: String| {
            format!(
                "cannot get sealed secret service: {why}.\nPlease, use the flag --controller-name and --controller-namespace \
                 to set up the name and namespace of the sealed secrets controller"
            )
        };
        let answer = found.ask("GET", &service, "application/json", Vec::new()).await;
        let (code, body) = answer.map_err(|why| SealVerbError::Missing(lost(why)))?;
        if code != 200 {
            return Err(failed(lost(message(&body).unwrap_or_else(|| unknown(&body)))));
        }
        let service: Value = serde_json::from_slice(&body).map_err(failed)?;
        let port = service["spec"]["ports"][0]["name"].as_str().unwrap_or_default();
        found.service = format!("http:{name}:{port}");
        found.path = format!("/api/v1/namespaces/{namespace}/services/{}/proxy", found.service);
        Ok(found)
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        accept: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), String> {
        let request = Request::builder().method(method).uri(path).header("accept", format!("{accept}, */*"));
        let request = request.header("content-type", "application/json").body(Body::from(body));
        let request = request.map_err(|error| error.to_string())?;
        let asked = ask(&self.client, request);
        let asked = self.clock.timeout(self.limit, asked).await;
        asked.unwrap_or_else(|_| Err("context deadline exceeded".to_owned()))
    }

    /// What it says where it refuses; of what is no answer of an API server, also what was asked.
    fn refusal(&self, method: &str, body: &[u8]) -> String {
        let asked = || format!("{} ({method} services {})", unknown(body), self.service);
        message(body).unwrap_or_else(asked)
    }

    /// The certificate, as the controller sends it.
    pub(super) async fn certificate(&self) -> Result<Vec<u8>, SealVerbError> {
        let path = format!("{}/v1/cert.pem", self.path);
        let answer = self.ask("GET", &path, "application/x-pem-file", Vec::new()).await;
        match answer.map_err(|why| lost("cannot fetch certificate", &why))? {
            (200, pem) => Ok(pem),
            (_, body) => Err(failed(format!("cannot fetch certificate: {}", self.refusal("get", &body)))),
        }
    }

    /// Has it say whether it can open a SealedSecret.
    pub(super) async fn verify(&self, sealed: &Value) -> Result<(), SealVerbError> {
        let path = format!("{}/v1/verify", self.path);
        let answer = self.ask("POST", &path, "application/json", sealed.to_string().into_bytes()).await;
        match answer.map_err(|why| lost("cannot validate sealed secret", &why))? {
            (200, _) => Ok(()),
            (409, _) => {
                let name = sealed["metadata"]["name"].as_str().unwrap_or_default();
                Err(failed(format!("unable to decrypt sealed secret: {name}")))
            }
            (_, body) => {
                Err(failed(format!("cannot validate sealed secret: {}", self.refusal("post", &body))))
            }
        }
    }

    /// Has it encrypt a SealedSecret anew.
    pub(super) async fn rotate(&self, sealed: &Value) -> Result<Value, SealVerbError> {
        let path = format!("{}/v1/rotate", self.path);
        let answer = self.ask("POST", &path, "application/json", sealed.to_string().into_bytes()).await;
        let (code, body) = answer.map_err(|why| lost("cannot re-encrypt secret", &why))?;
        match code {
            200 => {}
            409 => return Err(failed("unable to rotate secret")),
            _ => return Err(failed(format!("cannot re-encrypt secret: {}", self.refusal("post", &body)))),
        }
        let mut rotated: Value = serde_json::from_slice(&body).map_err(failed)?;
        if !rotated.is_object() {
            return Err(failed("cannot re-encrypt secret: the controller's answer is no object"));
        }
        rotated["apiVersion"] = API_VERSION.into();
        rotated["kind"] = "SealedSecret".into();
        Ok(rotated)
    }
}

/// The API server did not answer.
fn lost(what: &str, why: &str) -> SealVerbError {
    SealVerbError::Missing(format!("{what}: {why}"))
}

async fn ask(client: &Client, request: Request<Body>) -> Result<(u16, Vec<u8>), String> {
    let response = client.send(request).await.map_err(|error| deepest(&error))?;
    let code = response.status().as_u16();
    let body = response.into_body().collect_bytes().await.map_err(|error| deepest(&error))?;
    Ok((code, body.to_vec()))
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// What an API server says where it refuses; `None`: it is no Status.
fn message(body: &[u8]) -> Option<String> {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    status.as_ref().and_then(|status| status["message"].as_str()).map(str::to_owned)
}

/// Another answer, in the words of Kubernetes' client.
fn unknown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    format!("an error on the server ({:?}) has prevented the request from succeeding", text.trim())
}

/// What stands at an address.
pub(super) async fn fetch(address: &str) -> Result<Vec<u8>, SealVerbError> {
    let lost = |why: String| SealVerbError::Missing(format!("Get {address:?}: {why}"));
    let wrong = |error: http::uri::InvalidUri| invalid(format!("Get {address:?}: {error}"));
    let uri: http::Uri = address.parse().map_err(wrong)?;
    let root =
        format!("{}://{}", uri.scheme_str().unwrap_or("http"), uri.authority().map_or("", |a| a.as_str()));
    let root = root.parse().map_err(wrong)?;
    let client = crate::connect::client(Config::new(root)).map_err(|error| lost(error.to_string()))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).body(Body::empty()).map_err(|error| lost(error.to_string()))?;
    match ask(&client, request).await.map_err(lost)? {
        (200, body) => Ok(body),
        (code, _) => Err(failed(format!("cannot fetch {address:?}: {code}"))),
    }
}
