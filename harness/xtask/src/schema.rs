//! The tables of the crate seatrial-schema.

mod definitions;
mod discovery;
mod kustomize_paths;
mod oracle;
mod protobuf;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use seatrial_schema::{Builder, Schema, table};
use serde_json::Value;

/// The version of kyaml that kustomize v5.8.1 is built with.
const KYAML: &str = "v0.21.1";

/// Writes `kustomize.txt`, or says whether it would differ.
pub(super) fn kustomize(check: bool) -> Result<()> {
    let openapi = go_module_cache()?.join(format!("sigs.k8s.io/kustomize/kyaml@{KYAML}/openapi"));
    let read = |path: &str| {
        let path = openapi.join(path);
        std::fs::read(&path).with_context(|| {
            format!("read {} (build kustomize v5.8.1 with go, which fetches it)", path.display())
        })
    };
    let document = protobuf::document(&read("kubernetesapi/v1_21_2/swagger.pb")?)?;
    let own: Value = serde_json::from_slice(&read("kustomizationapi/swagger.json")?)?;
    let mut builder = Builder::new("v1.21.2");
    kustomize_paths::resources(&mut builder, &document)?;
    for document in [&document, &own] {
        definitions::add_all(&mut builder, &document["definitions"])?;
    }
    write("kustomize", &builder.finish(), check)
}

/// Writes `kubernetes.txt`, or says whether it would differ.
pub(super) fn kubernetes(check: bool) -> Result<()> {
    let server = oracle::Server::start()?;
    let version = server.get("/version")?;
    let version = version["gitVersion"].as_str().context("read /version")?.to_owned();
    let mut builder = Builder::new(version);
    discovery::resources(&mut builder, &server)?;
    let index = server.get("/openapi/v3")?;
    let mut all = serde_json::Map::new();
    for path in index["paths"].as_object().context("read /openapi/v3")?.values() {
        let url = path["serverRelativeURL"].as_str().context("read /openapi/v3")?;
        let document = server.get(url)?;
        let Some(schemas) = document["components"]["schemas"].as_object() else { continue };
        for (name, schema) in schemas {
            definitions::join(&mut all, name, schema)?;
        }
    }
    definitions::add_all(&mut builder, &Value::Object(all))?;
    write("kubernetes", &builder.finish(), check)
}

fn write(name: &str, schema: &Schema, check: bool) -> Result<()> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../engine/schema/src/tables/{name}.txt"));
    let text = table::write(schema)?;
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    if before == text {
        println!("{name}.txt is up to date");
    } else if check {
        bail!("{} is out of date: run `cargo run -p xtask -- schema {name}`", path.display());
    } else {
        std::fs::write(&path, &text).with_context(|| format!("write {}", path.display()))?;
        println!("wrote {} ({} types, {} bytes)", path.display(), schema.types().count(), text.len());
    }
    Ok(())
}

fn go_module_cache() -> Result<PathBuf> {
    let output = std::process::Command::new("go")
        .args(["env", "GOMODCACHE"])
        .output()
        .context("run `go env GOMODCACHE`")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
