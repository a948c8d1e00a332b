//! What comes in.

use super::{Args, SealVerbError, failed, invalid, read};
use crate::Screen;
use seatrial_yaml::{Dialect, Node, ParseOptions};
use serde_json::Value;
use std::io::{IsTerminal as _, Read as _};

/// Everything on standard input.
pub(super) fn standard_input(screen: &mut Screen) -> Result<Vec<u8>, SealVerbError> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        screen.say("(tty detected: expecting json/yaml k8s resource in stdin)\n");
    }
    let mut content = Vec::new();
    input.read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The input, a file or standard input.
fn content(args: &Args, screen: &mut Screen) -> Result<Vec<u8>, SealVerbError> {
    match &args.secret_file {
        Some(file) => read(file),
        None => standard_input(screen),
    }
}

/// The objects of the input.
pub(super) fn read_documents(args: &Args, screen: &mut Screen) -> Result<Vec<Value>, SealVerbError> {
    documents(&content(args, screen)?)
}

/// The Secrets of the input, and what is wrong behind them: documents before one that cannot be read are good.
pub(super) fn read_secrets(
    args: &Args,
    screen: &mut Screen,
) -> Result<(Vec<Value>, Option<SealVerbError>), SealVerbError> {
    let content = content(args, screen)?;
    let is_json =
        serde_json::Deserializer::from_slice(&content).into_iter::<Value>().all(|document| document.is_ok());
    let (roots, rest) = match roots(&content) {
        Ok(roots) => (roots, None),
        Err(error) => (good(&content), Some(error)),
    };
    let mut all = Vec::new();
    for root in roots {
        if let Some(object) = object(super::types::secret(root, is_json).map_err(invalid)?)? {
            all.push(object);
        }
    }
    Ok((all, rest))
}

/// The documents of YAML or JSON; empty ones are passed over.
///
/// # Errors
/// It is neither, or a document is no object.
pub fn documents(content: &[u8]) -> Result<Vec<Value>, SealVerbError> {
    let mut all = Vec::new();
    for root in roots(content)? {
        all.extend(object(root.to_json(Dialect::KubernetesJson).map_err(invalid)?)?);
    }
    Ok(all)
}

fn roots(content: &[u8]) -> Result<Vec<Node>, SealVerbError> {
    let parsed = seatrial_yaml::parse(content, &ParseOptions::default());
    let parsed = parsed.map_err(|error| {
        invalid(format!(
            "couldn't get version/kind; json parse error: line {}: {}",
            error.line, error.message
        ))
    })?;
    Ok(parsed.into_iter().map(|document| document.root).collect())
}

/// The documents before the first that cannot be read.
fn good(content: &[u8]) -> Vec<Node> {
    let mut documents: Vec<Vec<u8>> = vec![Vec::new()];
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        match documents.last_mut().filter(|_| !line.starts_with(b"---")) {
            Some(last) => last.extend_from_slice(line),
            None => documents.push(line.to_vec()),
        }
    }
    documents.iter().map_while(|document| roots(document).ok()).flatten().collect()
}

/// A document that is something.
fn object(value: Value) -> Result<Option<Value>, SealVerbError> {
    match value {
        Value::Null => Ok(None),
        Value::Object(_) => Ok(Some(value)),
        _ => Err(invalid("couldn't get version/kind; json parse error: the document is no object")),
    }
}
