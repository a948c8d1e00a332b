//! What stands between an engine and its API server: it notes every write, and can be the end of the engine.

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use seatrial_time::{Clock, Signal};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// At which write the engine dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// Before the write of this number, from 1, reaches the server.
    Before(usize),
    /// When the server has done it, before the engine hears of it.
    After(usize),
}

/// Notes the writes of an engine. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kill: Option<Kill>,
    /// How long each event takes.
    slow: Option<(Clock, Duration)>,
    state: Mutex<State>,
    died: Signal,
}

#[derive(Default)]
struct State {
    writes: Vec<String>,
    reads: Vec<String>,
    dead: bool,
}

impl Gate {
    /// A gate that lets everything pass.
    pub(crate) fn open() -> Gate {
        Gate::default()
    }

    /// A gate at which the engine dies: no request passes from then on, and none is answered.
    pub(crate) fn deadly(kill: Kill) -> Gate {
        Gate(Arc::new(Inner { kill: Some(kill), ..Inner::default() }))
    }

    /// A gate at which each event is held up for so long.
    pub(crate) fn slow_for_events(clock: &Clock, delay: Duration) -> Gate {
        Gate(Arc::new(Inner { slow: Some((clock.clone(), delay)), ..Inner::default() }))
    }

    /// Method and path of each write that was sent, in order: every request that may change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.0.state.lock().unwrap().writes.clone()
    }

    /// How many requests were sent that change nothing.
    pub(crate) fn reads(&self) -> usize {
        self.0.state.lock().unwrap().reads.len()
    }

    /// How many of them read the object at `path`.
    pub(crate) fn reads_of(&self, path: &str) -> usize {
        self.0.state.lock().unwrap().reads.iter().filter(|read| *read == path).count()
    }

    /// Returns when the engine is dead.
    pub(crate) async fn death(&self) {
        let alive = self.0.died.stamp();
        if !self.0.state.lock().unwrap().dead {
            self.0.died.changed(&alive).await;
        }
    }

    /// `client` behind this gate.
    pub(crate) fn client(&self, client: &Client) -> Client {
        let (gate, client) = (self.clone(), client.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (gate, client) = (gate.clone(), client.clone());
            async move { gate.pass(client, request).await }
        });
        Client::new(service, "default")
    }

    async fn pass(&self, client: Client, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        let number = self.note(&request);
        if number.is_some() && self.0.kill == number.map(Kill::Before) {
            self.die();
        }
        if self.0.state.lock().unwrap().dead {
            return pending().await;
        }
        if let Some((clock, delay)) = &self.0.slow
            && number.is_some()
            && request.uri().path().ends_with("/events")
        {
            clock.sleep(*delay).await;
        }
        let response = client.send(request).await;
        if number.is_some() && self.0.kill == number.map(Kill::After) {
            self.die();
        }
        if self.0.state.lock().unwrap().dead {
            return pending().await;
        }
        Ok(response?)
    }

    /// The number of a write.
    fn note(&self, request: &Request<Body>) -> Option<usize> {
        let asks = matches!(*request.method(), Method::GET | Method::HEAD)
            || request.uri().query().is_some_and(|query| query.contains("dryRun=All"));
        let mut state = self.0.state.lock().unwrap();
        if asks {
            state.reads.push(request.uri().path().to_owned());
            return None;
        }
        state.writes.push(format!("{} {}", request.method(), request.uri().path()));
        Some(state.writes.len())
    }

    fn die(&self) {
        self.0.state.lock().unwrap().dead = true;
        self.0.died.bump();
    }
}
