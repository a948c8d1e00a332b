//! The file formats of SOPS. Pure.

use super::metadata::Metadata;
use super::tree::Entry;
use super::{File, dotenv, ini, json, yaml};
use std::fmt;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON that holds one text, for files of any content.
    Binary,
    /// `NAME=value`.
    Dotenv,
    /// Sections.
    Ini,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Binary => "binary",
            Format::Dotenv => "dotenv",
            Format::Ini => "INI",
            Format::Json => "JSON",
            Format::Yaml => "YAML",
        })
    }
}

impl Format {
    /// The format of a file by its name; binary where the name says nothing.
    pub(crate) fn of(path: &str) -> Format {
        let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
        match path {
            _ if ends(&[".dockerconfigjson", ".json"]) => Format::Json,
            _ if ends(&[".yaml", ".yml"]) => Format::Yaml,
            _ if ends(&[".env"]) => Format::Dotenv,
            _ if ends(&[".ini"]) => Format::Ini,
            _ => Format::Binary,
        }
    }

    /// What every encrypted file of this format has in it.
    pub(crate) fn marker(self) -> &'static [u8] {
        match self {
            Format::Binary | Format::Json => b"\"mac\": \"ENC[",
            Format::Dotenv => b"sops_mac=ENC[",
            Format::Ini => b"[sops]",
            Format::Yaml => b"mac: ENC[",
        }
    }

    /// Whether a content looks encrypted in this format.
    pub(crate) fn is_encrypted(self, content: &[u8]) -> bool {
        let marker = self.marker();
        content.windows(marker.len()).any(|window| window == marker)
    }

    pub(super) fn load(self, content: &[u8]) -> Result<File, String> {
        match self {
            Format::Binary | Format::Json => json::load(content),
            Format::Dotenv => dotenv::load(text(content)?),
            Format::Ini => ini::load(text(content)?),
            Format::Yaml => yaml::load(content),
        }
    }

    pub(super) fn emit(self, documents: &[Vec<Entry>]) -> Result<Vec<u8>, String> {
        let first = documents.first().map(Vec::as_slice).unwrap_or_default();
        match self {
            Format::Binary => json::emit_binary(first),
            Format::Json => Ok(json::emit(first)),
            Format::Dotenv => dotenv::emit(first),
            Format::Ini => ini::emit(first),
            Format::Yaml => yaml::emit(documents),
        }
    }
}

fn text(content: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(content).map_err(|_| "the file is no text".to_owned())
}

/// A file of one document whose metadata stands in its field `sops`.
pub(super) fn file(mut entries: Vec<Entry>) -> Result<File, String> {
    let metadata = Metadata::of(super::tree::take(&mut entries, "sops"))?;
    Ok(File { documents: vec![entries], metadata })
}
