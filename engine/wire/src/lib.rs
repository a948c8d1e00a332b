//! Requests over a `kube::Client`. A server in the same process may hand over the values of its answers beside their JSON text;
//! then nobody writes that text, or reads it.
//!
//! # Shapes
//! - A client may put a [`Sent`] into the extensions of a request.
//! - A server puts a [`Whole`] into the extensions of a response to say what its body says, an [`Events`] into that of a watch.
//! - [`answer`] and [`events`] take what is there, and read the body where nothing is: the caller sees no difference.
//!
//! # Guarantees
//! A value that is handed over equals what its text would be parsed to, and is never changed afterwards. One field can differ: the
//! `fieldsV1` of an entry of `metadata.managedFields` may be its JSON text, a string, since it is large and hardly ever read:
//! see [`fields_v1`] and [`expand`].

mod events;
mod owners;

pub use events::{Event, EventKind, EventSource, Events, Stream, events};
pub use owners::{expand, fields_v1};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use serde_json::Value;
use std::sync::Arc;

/// What the body of a response says: an extension of the response.
#[derive(Clone, Debug)]
pub struct Whole(pub Arc<Value>);

/// What the body of a request says: an extension of the request, beside its JSON text.
#[derive(Clone, Debug)]
pub struct Sent(pub Arc<Value>);

/// The answer to a request that succeeded.
#[derive(Clone, Debug)]
pub enum Answer {
    /// JSON text that nobody has read yet.
    Text(String),
    /// A value that the server shares.
    Shared(Arc<Value>),
}

/// Two answers are equal where they surely say the same: texts by their bytes, values by their content.
impl PartialEq for Answer {
    fn eq(&self, other: &Answer) -> bool {
        match (self, other) {
            (Answer::Text(a), Answer::Text(b)) => a == b,
            (Answer::Shared(a), Answer::Shared(b)) => Arc::ptr_eq(a, b) || a == b,
            _ => false,
        }
    }
}

impl Answer {
    /// What it says.
    ///
    /// # Errors
    /// Text that is no JSON.
    pub fn value(&self) -> kube::Result<Arc<Value>> {
        match self {
            Answer::Text(text) => serde_json::from_str(text).map(Arc::new).map_err(kube::Error::SerdeError),
            Answer::Shared(value) => Ok(value.clone()),
        }
    }
}

/// Sends a request.
///
/// # Errors
/// `kube::Error::Api` with the server's status where it refuses; what the client says where it cannot be asked.
pub async fn answer(client: &Client, request: Request<Vec<u8>>) -> kube::Result<Answer> {
    let response = succeeded(client.send(request.map(Body::from)).await?).await?;
    if let Some(Whole(value)) = response.extensions().get::<Whole>() {
        return Ok(Answer::Shared(value.clone()));
    }
    text(response).await.map(Answer::Text)
}

/// The response, or the refusal that it is.
async fn succeeded(response: Response<Body>) -> kube::Result<Response<Body>> {
    let code = response.status();
    if !code.is_client_error() && !code.is_server_error() {
        return Ok(response);
    }
    let text = text(response).await?;
    let status = serde_json::from_str::<Status>(&text).unwrap_or_else(|_| {
        // Proxies, and paths that lead nowhere, answer with plain text.
        Status::failure(text.trim(), "Failed to parse error data").with_code(code.as_u16())
    });
    Err(kube::Error::Api(Box::new(status)))
}

async fn text(response: Response<Body>) -> kube::Result<String> {
    let bytes = response.into_body().collect().await?.to_bytes();
    String::from_utf8(bytes.into()).map_err(kube::Error::FromUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::Full;
    use serde_json::json;
    use std::convert::Infallible;

    /// A client of a server that gives every request this answer.
    fn client(code: u16, body: &'static str, whole: Option<Value>) -> Client {
        let whole = whole.map(Arc::new);
        let service = tower::service_fn(move |_: Request<Body>| {
            let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
            *response.status_mut() = http::StatusCode::from_u16(code).unwrap();
            if let Some(whole) = whole.clone() {
                response.extensions_mut().insert(Whole(whole));
            }
            async move { Ok::<_, Infallible>(response) }
        });
        Client::new(service, "default")
    }

    fn request() -> Request<Vec<u8>> {
        Request::get("/api/v1/pods").body(Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_read_from_its_body_where_no_value_is_given() {
        let answer = answer(&client(200, r#"{"a":1}"#, None), request()).await.unwrap();
        assert_eq!(*answer.value().unwrap(), json!({"a": 1}));
    }

    #[tokio::test]
    async fn a_value_that_is_given_is_taken() {
        let answer = answer(&client(200, "no JSON", Some(json!({"a": 1}))), request()).await.unwrap();
        assert_eq!(*answer.value().unwrap(), json!({"a": 1}));
    }

    #[tokio::test]
    async fn refusals_have_the_servers_status_or_its_text() {
        let code = |error: kube::Error| match error {
            kube::Error::Api(status) => (status.code, status.message),
            other => (0, other.to_string()),
        };
        let status =
            r#"{"kind":"Status","status":"Failure","code":409,"message":"stale","reason":"Conflict"}"#;
        let refused = answer(&client(409, status, None), request()).await.unwrap_err();
        assert_eq!(code(refused), (409, "stale".to_owned()));
        let refused = answer(&client(502, "bad gateway\n", None), request()).await.unwrap_err();
        assert_eq!(code(refused), (502, "bad gateway".to_owned()));
    }

    #[tokio::test]
    async fn events_are_lines_and_what_is_none_is_passed_over() {
        let body = "{\"type\":\"ADDED\",\"object\":{\"a\":1}}\nnonsense\n\
            {\"type\":\"ERROR\",\"object\":{\"code\":410}}\n{\"type\":\"MODIFIED\",\"obj";
        let mut stream = events(&client(200, body, None), request()).await.unwrap();
        let mut seen = Vec::new();
        while let Some(event) = stream.next().await {
            seen.push((event.kind, event.object.to_string()));
        }
        let want = [(EventKind::Added, "{\"a\":1}"), (EventKind::Error, "{\"code\":410}")];
        assert_eq!(seen, want.map(|(kind, text)| (kind, text.to_owned())));
    }
}
