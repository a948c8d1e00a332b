//! Keys and values from literals, files and environment files.

use bytes::Bytes;

use crate::error::{Context, Result, fail};
use crate::loader::Loader;
use crate::path;

/// Keys with their contents.
pub(super) type Pairs = Vec<(String, Bytes)>;

/// Reads all sources. kustomize does not ask whether a ConfigMap may have such a key.
pub(super) fn read(
    loader: &Loader<'_>,
    envs: &[String],
    files: &[String],
    literals: &[String],
) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    for env in envs {
        let (_, content) = loader.load(env).context(|| format!("env source files: [{}]", envs.join(" ")))?;
        parse_env(&content, &mut pairs)?;
    }
    for file in files {
        let (key, path) = split_file(file).context(|| format!("file sources: [{}]", files.join(" ")))?;
        let (_, content) = loader.load(path).context(|| format!("file sources: [{}]", files.join(" ")))?;
        pairs.push((key.to_owned(), content));
    }
    for literal in literals {
        let (key, value) =
            split_literal(literal).context(|| format!("literal sources [{}]", literals.join(" ")))?;
        pairs.push((key.to_owned(), Bytes::copy_from_slice(value.as_bytes())));
    }
    Ok(pairs)
}

fn parse_env(content: &Bytes, pairs: &mut Pairs) -> Result<()> {
    let Ok(text) = std::str::from_utf8(content) else {
        let line =
            content.split(|b| *b == b'\n').position(|line| std::str::from_utf8(line).is_err()).unwrap_or(0);
        return fail(format!("line {line} has invalid utf8 bytes"));
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A line without `=` has an empty value; one without a key is dropped.
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if key.is_empty() {
            continue;
        }
        pairs.push((key.to_owned(), Bytes::copy_from_slice(value.as_bytes())));
    }
    Ok(())
}

/// `[key=]path`.
fn split_file(source: &str) -> Result<(&str, &str)> {
    match source.split('=').collect::<Vec<_>>().as_slice() {
        [path] => Ok((path::base(path), path)),
        ["", path] => fail(format!("missing key name for file path {path:?} in source {source:?}")),
        [key, ""] => fail(format!("missing file path for key name {key:?} in source {source:?}")),
        [key, path] => Ok((key, path)),
        _ => fail(format!("source {source:?} key name or file path contains '='")),
    }
}

/// `key=value`; quotes around the value go.
fn split_literal(source: &str) -> Result<(&str, &str)> {
    match source.split_once('=') {
        None | Some(("", _)) => fail(format!("invalid literal source {source}, expected key=value")),
        Some((key, value)) => Ok((key, unquoted(value))),
    }
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote) {
            return &value[1..value.len() - 1];
        }
    }
    value
}
