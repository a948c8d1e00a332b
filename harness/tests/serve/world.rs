//! A run that is served for one test.

use crate::client::{Client, Tls};
use seatrial_harness::serve::{Ready, Up, UpOptions, UpSource};
use seatrial_time::Clock;
use serde_json::Value;
use std::future::Future;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What is served, and the folder in which that happens.
pub(crate) struct World {
    pub(crate) up: Up,
    pub(crate) folder: TempDir,
}

/// A folder with one cluster that follows it.
pub(crate) fn repository(folder: &Path) -> PathBuf {
    let path = folder.join("fleet");
    std::fs::create_dir_all(path.join("clusters/beta")).unwrap();
    let config =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello, namespace: default}\ndata: {a: b}\n";
    std::fs::write(path.join("clusters/beta/config.yaml"), config).unwrap();
    path
}

/// Serves a small repository to `test`, with the cluster `beta`; with a bootstrap where asked.
pub(crate) fn serve<F: Future<Output = ()>>(bootstrap: bool, test: impl FnOnce(World) -> F) {
    serve_with(UpOptions { bootstrap, ..UpOptions::default() }, test);
}

/// As [`serve`], with other options.
pub(crate) fn serve_with<F: Future<Output = ()>>(options: UpOptions, test: impl FnOnce(World) -> F) {
    serve_more(options, &[], test);
}

/// As [`serve_with`], with more files in the repository.
pub(crate) fn serve_more<F: Future<Output = ()>>(
    options: UpOptions,
    files: &[(&str, &str)],
    test: impl FnOnce(World) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let path = repository(folder.path());
        for (name, content) in files {
            std::fs::write(path.join(name), content).unwrap();
        }
        let source = UpSource::Repository { path, serve: Vec::new() };
        let clusters = vec!["beta".to_owned()];
        let options = UpOptions { source, clusters, ..options };
        let up = Up::start(&Clock::wall(), &options, &run).await.unwrap();
        test(World { up, folder }).await;
    });
}

impl World {
    pub(crate) fn ready(&self) -> &Ready {
        self.up.ready()
    }

    /// The password of Git and registry.
    pub(crate) fn token(&self) -> String {
        let token = std::fs::read_to_string(&self.ready().forge.token_file).unwrap();
        token.trim_end().to_owned()
    }

    /// A client of the forge's REST API, with the run's token; paths begin with `/api/v3`.
    pub(crate) fn github(&self) -> Client {
        let bearer = format!("Bearer {}", self.token());
        self.anonymous().with("authorization", &bearer)
    }

    /// A client of the forge over TLS, without credentials.
    pub(crate) fn anonymous(&self) -> Client {
        let tls = Tls { pair: None, protocol: "http/1.1" };
        Client::https(&self.ready().forge.https, &self.ready().ca, tls)
    }

    /// A part of the kubeconfig's only user.
    pub(crate) fn user(&self, field: &str) -> String {
        let text = std::fs::read_to_string(&self.ready().kubeconfig).unwrap();
        let config: Value = serde_saphyr::from_str(&text).unwrap();
        config["users"][0]["user"][field].as_str().unwrap().to_owned()
    }

    /// A client of the cluster's API server that trusts the run's CA.
    pub(crate) fn api(&self, tls: Tls) -> Client {
        Client::https(&self.ready().clusters["beta"].server, &self.ready().ca, tls)
    }

    /// A client of the registry, with its token.
    pub(crate) fn registry(&self) -> Client {
        Client::http(&self.ready().registry.http).with("authorization", &format!("Bearer {}", self.token()))
    }
}
