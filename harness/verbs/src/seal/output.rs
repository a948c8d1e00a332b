//! What goes out.

use super::{Args, SealVerbError, failed, input, invalid, read};
use crate::Screen;
use seatrial_seal::Scope;
use serde_json::{Map, Value};
use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};
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

/// Prints the objects, or writes them to a file.
pub(super) fn write(
    args: &Args,
    to: Option<&Path>,
    screen: &mut Screen,
    objects: &[Value],
) -> Result<(), SealVerbError> {
    put(to, screen, &text(args.is_yaml(to), objects)?)
}

/// Prints a text, or writes it to a file.
pub(super) fn put(to: Option<&Path>, screen: &mut Screen, text: &str) -> Result<(), SealVerbError> {
    match to {
        None => screen.print(text),
        Some(file) => store(file, text, None)?,
    }
    Ok(())
}

/// Writes a file, at once or not at all. As with kubeseal nobody but its owner may read it, unless `mode` says otherwise: it may be
/// an opened Secret.
fn store(file: &Path, text: &str, mode: Option<Permissions>) -> Result<(), SealVerbError> {
    let told = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        failed(format!("open {}: {why}", file.display()))
    };
    // Devices and pipes are written to, and not replaced.
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return std::fs::write(file, text).map_err(told);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::with_prefix_in(".seal", folder).map_err(told)?;
    new.write_all(text.as_bytes()).map_err(told)?;
    if let Some(mode) = mode {
        new.as_file().set_permissions(mode).map_err(told)?;
    }
    new.as_file().sync_all().map_err(told)?;
    new.persist(file).map(drop).map_err(|error| told(error.error))
}

/// The file that values are merged into.
pub(super) struct Merged<'f> {
    file: &'f Path,
    documents: Vec<Value>,
    /// Which of the documents it is.
    at: usize,
}

impl<'f> Merged<'f> {
    /// # Errors
    /// It cannot be read, or has no SealedSecret.
    pub(super) fn read(file: &'f Path) -> Result<Merged<'f>, SealVerbError> {
        let documents = input::documents(&read(file)?)?;
        let at = documents.iter().position(|object| object["kind"] == "SealedSecret");
        let at = at.ok_or_else(|| invalid(format!("{} has no SealedSecret", file.display())))?;
        let sealed = &documents[at];
        let fields = [
            &sealed["metadata"],
            &sealed["spec"],
            &sealed["spec"]["encryptedData"],
            &sealed["spec"]["template"],
            &sealed["spec"]["template"]["metadata"],
        ];
        if fields.iter().any(|field| !field.is_object() && !field.is_null()) {
            return Err(invalid(format!("{}: a field of the SealedSecret is no object", file.display())));
        }
        Ok(Merged { file, documents, at })
    }

    /// Gives the metadata of a Secret the name and namespace of the file, as kubeseal does.
    pub(super) fn rename(&self, metadata: &mut Value) {
        for field in ["name", "namespace"] {
            let own = self.documents[self.at]["metadata"][field].as_str().unwrap_or_default();
            if !own.is_empty() {
                metadata[field] = own.into();
            }
        }
    }

    /// Adds the values of sealed objects and writes the file.
    ///
    /// # Errors
    /// They are of another scope; the file cannot be written.
    pub(super) fn write(mut self, args: &Args, sealed: &[Value]) -> Result<(), SealVerbError> {
        let target = &mut self.documents[self.at];
        for object in sealed {
            let of = |object: &Value| {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
                let label = Scope::of(object).label(&text("namespace"), &text("name"));
                String::from_utf8_lossy(&label).into_owned()
            };
            let (theirs, ours) = (of(target), of(object));
            if theirs != ours {
                return Err(invalid(format!(
                    "the values are sealed for {ours:?}, the SealedSecret in {} opens for {theirs:?}",
                    self.file.display()
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
        let mode = std::fs::metadata(self.file).ok().map(|found| found.permissions());
        store(self.file, &text(args.is_yaml(None), &self.documents)?, mode)
    }
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
