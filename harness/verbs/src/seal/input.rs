//! What comes in.

use super::{Args, SealVerbError, failed, read};
use crate::Screen;
use seatrial_yaml::{Dialect, ParseOptions};
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

/// The objects of the input, a file or standard input.
pub(super) fn read_documents(args: &Args, screen: &mut Screen) -> Result<Vec<Value>, SealVerbError> {
    let content = match &args.secret_file {
        Some(file) => read(file)?,
        None => standard_input(screen)?,
    };
    documents(&content)
}

/// The documents of YAML or JSON; empty ones are passed over.
///
/// # Errors
/// It is neither, or a document is no object.
pub fn documents(content: &[u8]) -> Result<Vec<Value>, SealVerbError> {
    let parsed = seatrial_yaml::parse(content, &ParseOptions::default());
    let parsed = parsed.map_err(|error| {
        failed(format!("couldn't get version/kind; json parse error: line {}: {}", error.line, error.message))
    })?;
    let mut all = Vec::new();
    for document in parsed {
        let value = document.root.to_json(Dialect::KubernetesJson).map_err(failed)?;
        match &value {
            Value::Null => {}
            Value::Object(_) => all.push(value),
            _ => {
                return Err(failed("couldn't get version/kind; json parse error: the document is no object"));
            }
        }
    }
    Ok(all)
}
