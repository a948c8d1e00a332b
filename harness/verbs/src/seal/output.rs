//! What goes out.

use super::{Args, SealVerbError, failed, input, read};
use crate::Screen;
use seatrial_seal::Scope;
use serde_json::{Map, Value};
use std::path::Path;

/// The objects as text.
fn text(is_yaml: bool, objects: &[Value]) -> Result<String, SealVerbError> {
    let mut out = String::new();
    for (number, object) in objects.iter().enumerate() {
        if is_yaml {
            out.push_str("---\n");
            out.push_str(&seatrial_yaml::emit_json(object).map_err(failed)?);
        } else {
            if number > 0 {
                out.push_str("---\n");
            }
            out.push_str(&seatrial_seal::print::json(object));
        }
    }
    Ok(out)
}

/// Prints the objects, or writes them to the file of the flags.
pub(super) fn write(args: &Args, screen: &mut Screen, objects: &[Value]) -> Result<(), SealVerbError> {
    let text = text(args.is_yaml(args.sealed_secret_file.as_deref()), objects)?;
    match &args.sealed_secret_file {
        None => screen.print(&text),
        Some(file) => store(file, &text)?,
    }
    Ok(())
}

fn store(file: &Path, text: &str) -> Result<(), SealVerbError> {
    std::fs::write(file, text).map_err(|error| failed(format!("open {}: {error}", file.display())))
}

/// Adds the values of sealed objects to the one of a file.
pub(super) fn merge(args: &Args, file: &Path, sealed: &[Value]) -> Result<(), SealVerbError> {
    let mut existing = input::documents(&read(file)?)?;
    let none = || failed(format!("{} has no SealedSecret", file.display()));
    let target = existing.iter_mut().find(|object| object["kind"] == "SealedSecret").ok_or_else(none)?;
    for object in sealed {
        let of = |object: &Value| {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            String::from_utf8_lossy(&Scope::of(object).label(&text("namespace"), &text("name"))).into_owned()
        };
        let (theirs, ours) = (of(target), of(object));
        if theirs != ours {
            return Err(failed(format!(
                "the values are sealed for {ours:?}, the SealedSecret in {} opens for {theirs:?}",
                file.display()
            )));
        }
        join(&mut target["spec"]["encryptedData"], &object["spec"]["encryptedData"]);
        let (into, from) = (&mut target["spec"]["template"], &object["spec"]["template"]);
        for field in ["labels", "annotations"] {
            join(&mut into["metadata"][field], &from["metadata"][field]);
        }
        if let Some(metadata) = into["metadata"].as_object_mut() {
            metadata.retain(|field, value| !value.is_null() || field == "creationTimestamp");
        }
    }
    store(file, &text(args.is_yaml(None), &existing)?)
}

fn join(into: &mut Value, from: &Value) {
    let Some(from) = from.as_object().filter(|map| !map.is_empty()) else { return };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Some(into) = into.as_object_mut() {
        into.extend(from.clone());
    }
}
