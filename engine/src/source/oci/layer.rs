//! Unpacks a layer, `tar+gzip`. What could lead out of it is refused, and so is what grows too large.

use flate2::read::MultiGzDecoder;
use seatrial_render::{Entry, Tree};
use std::io::{self, Read};
use tar::{Archive, EntryType};

/// The most that an unpacked layer may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes, headers included.
    bytes: u64,
    /// Entries.
    entries: usize,
}

/// 1 GiB and 100,000 entries: artifacts of manifests are far below, and memory is above.
const LIMITS: Limits = Limits { bytes: 1 << 30, entries: 100_000 };

/// Why a layer cannot be unpacked. The words are those of Flux, but for the limits, which are Seatrial's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LayerError {
    /// Not compressed, or not by gzip.
    #[error("requires gzip-compressed body: {0}")]
    Gzip(&'static str),
    /// Not an archive, or broken.
    #[error("tar error: {0}")]
    Tar(String),
    /// A name that leads out of the archive.
    #[error("tar contained invalid name error {0:?}")]
    Name(String),
    /// A device, a pipe, or what else cannot be a file of an artifact.
    #[error("tar file entry {name} contained unsupported file type {kind}")]
    Kind { name: String, kind: &'static str },
    /// A file below a file.
    #[error("mkdir {0}: not a directory")]
    BelowFile(String),
    /// More than the limits allow.
    #[error("the layer has more than {0}")]
    TooLarge(String),
}

/// The files of a layer. Links are left out, as in reality; hard links are empty files.
pub(crate) fn unpack(layer: &[u8]) -> Result<Tree, LayerError> {
    unpack_within(layer, LIMITS)
}

fn unpack_within(layer: &[u8], limits: Limits) -> Result<Tree, LayerError> {
    match layer {
        [] => return Err(LayerError::Gzip("EOF")),
        [0x1f, 0x8b, ..] => {}
        _ => return Err(LayerError::Gzip("gzip: invalid header")),
    }
    let content = Bounded { inner: MultiGzDecoder::new(layer), left: limits.bytes };
    let too_large = || LayerError::TooLarge(format!("{} MiB", limits.bytes >> 20));
    let wrong = |error: io::Error| match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(),
        _ => LayerError::Tar(error.to_string()),
    };
    let mut archive = Archive::new(content);
    let mut tree = Tree::new();
    // Sparse files are larger than what is read of the layer.
    let mut left = limits.bytes;
    for (count, entry) in archive.entries().map_err(wrong)?.enumerate() {
        let mut entry = entry.map_err(wrong)?;
        if count >= limits.entries {
            return Err(LayerError::TooLarge(format!("{} entries", limits.entries)));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = match entry.header().entry_type() {
            EntryType::XGlobalHeader | EntryType::Symlink => continue,
            EntryType::Directory => None,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Link => Some(()),
            EntryType::Char => return Err(LayerError::Kind { name, kind: "character device" }),
            EntryType::Block => return Err(LayerError::Kind { name, kind: "block device" }),
            EntryType::Fifo => return Err(LayerError::Kind { name, kind: "named pipe" }),
            _ => return Err(LayerError::Kind { name, kind: "unknown" }),
        };
        let path = path(&name)?;
        if kind.is_none() {
            continue;
        }
        if path.is_empty() {
            return Err(LayerError::Name(name));
        }
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        if let Some(file) = parents.into_iter().find(|parent| tree.get(parent).is_some()) {
            return Err(LayerError::BelowFile(file.to_owned()));
        }
        let mut content = Vec::new();
        (&mut entry).take(left.saturating_add(1)).read_to_end(&mut content).map_err(wrong)?;
        left = left.checked_sub(content.len() as u64).ok_or_else(too_large)?;
        tree.insert(&path, Entry::File(content.into()));
    }
    Ok(tree)
}

/// The name without `.` and doubled slashes.
fn path(name: &str) -> Result<String, LayerError> {
    let bad = name.is_empty()
        || name.starts_with('/')
        || name.contains(['\\', '\0'])
        || name.split('/').any(|part| part == "..");
    if bad {
        return Err(LayerError::Name(name.to_owned()));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Ok(parts.join("/"))
}

/// Ends with an error after so many bytes: a small layer can unpack to any size.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

/// These files as `tar+gzip`.
#[cfg(test)]
#[allow(clippy::expect_used, reason = "for tests")]
pub(crate) fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).expect("an entry");
    }
    archive.into_inner().and_then(flate2::write::GzEncoder::finish).expect("an archive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use rstest::rstest;
    use std::io::Write;
    use tar::{Builder, Header};

    fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, content) in entries {
            let mut header = Header::new_gnu();
            // By hand: the crate refuses to write the names that must be refused.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_link_name("a").expect("a link");
            }
            header.set_cksum();
            archive.append(&header, *content).expect("an entry");
        }
        archive.into_inner().and_then(GzEncoder::finish).expect("an archive")
    }

    fn paths(tree: &Tree) -> Vec<String> {
        tree.iter().map(|(path, _)| path.to_owned()).collect()
    }

    // What fluxcd/pkg/tar was seen to make of the same archives.
    #[rstest]
    #[case::file(&[("a.yaml", EntryType::Regular)], Ok(&["a.yaml"] as &[&str]))]
    #[case::dot(&[("./a/b", EntryType::Regular)], Ok(&["a/b"] as &[&str]))]
    #[case::doubled(&[("a//b", EntryType::Regular)], Ok(&["a/b"] as &[&str]))]
    #[case::folder(&[("d/", EntryType::Directory), ("d/x", EntryType::Regular)], Ok(&["d/x"] as &[&str]))]
    #[case::symlink(&[("l", EntryType::Symlink), ("a", EntryType::Regular)], Ok(&["a"] as &[&str]))]
    #[case::hard_link(&[("h", EntryType::Link)], Ok(&["h"] as &[&str]))]
    #[case::parent(&[("../a", EntryType::Regular)], Err("tar contained invalid name error \"../a\""))]
    #[case::absolute(&[("/abs/a", EntryType::Regular)], Err("tar contained invalid name error \"/abs/a\""))]
    #[case::inner_parent(&[("a/../b", EntryType::Regular)], Err("tar contained invalid name error \"a/../b\""))]
    #[case::backslash(&[("a\\b", EntryType::Regular)], Err("tar contained invalid name error \"a\\\\b\""))]
    #[case::no_name(&[("", EntryType::Regular)], Err("tar contained invalid name error \"\""))]
    #[case::device(&[("dev", EntryType::Char)], Err("tar file entry dev contained unsupported file type character device"))]
    #[case::pipe(&[("fifo", EntryType::Fifo)], Err("tar file entry fifo contained unsupported file type named pipe"))]
    #[case::below_a_file(&[("a", EntryType::Regular), ("a/b", EntryType::Regular)], Err("mkdir a: not a directory"))]
    fn an_archive_becomes_a_tree(
        #[case] entries: &[(&str, EntryType)],
        #[case] expected: Result<&[&str], &str>,
    ) {
        let entries: Vec<(&str, EntryType, &[u8])> = entries
            .iter()
            .map(|(name, kind)| (*name, *kind, if *kind == EntryType::Regular { b"1" as &[u8] } else { b"" }))
            .collect();
        let found = unpack(&packed(&entries)).map(|tree| paths(&tree)).map_err(|error| error.to_string());
        let expected = expected
            .map(|paths| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>())
            .map_err(str::to_owned);
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case::empty(b"" as &[u8], "requires gzip-compressed body: EOF")]
    #[case::plain(b"hello", "requires gzip-compressed body: gzip: invalid header")]
    fn what_is_not_compressed_is_refused(#[case] layer: &[u8], #[case] message: &str) {
        assert_eq!(unpack(layer).map_err(|error| error.to_string()).err().as_deref(), Some(message));
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let mut noise = GzEncoder::new(Vec::new(), Compression::fast());
        noise.write_all(&[b'x'; 2000]).expect("written");
        let error = unpack(&noise.finish().expect("a layer")).expect_err("refused").to_string();
        assert!(error.starts_with("tar error: "), "{error}");
    }

    #[rstest]
    #[case::bytes(Limits { bytes: 1 << 20, entries: 10 }, "the layer has more than 1 MiB")]
    #[case::entries(Limits { bytes: 1 << 30, entries: 1 }, "the layer has more than 1 entries")]
    fn a_layer_that_grows_too_large_is_refused(#[case] limits: Limits, #[case] message: &str) {
        let zeros = vec![0; 2 << 20];
        let layer = packed(&[("a", EntryType::Regular, &zeros), ("b", EntryType::Regular, b"")]);
        assert!(layer.len() < 64 << 10);
        let error = unpack_within(&layer, limits).map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some(message));
    }

    #[test]
    fn the_holes_of_sparse_files_count() {
        let octal = |number: u64| {
            let mut field = [0; 12];
            field[..11].copy_from_slice(format!("{number:011o}").as_bytes());
            field
        };
        let mut header = Header::new_gnu();
        header.set_path("hole").expect("a path");
        header.set_entry_type(EntryType::GNUSparse);
        header.set_size(0);
        let gnu = header.as_gnu_mut().expect("a GNU header");
        gnu.sparse[0].offset = octal(2 << 20);
        gnu.sparse[0].numbytes = octal(0);
        gnu.realsize = octal(2 << 20);
        header.set_cksum();
        let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        archive.append(&header, b"" as &[u8]).expect("an entry");
        let layer = archive.into_inner().and_then(GzEncoder::finish).expect("a layer");
        let limits = Limits { bytes: 1 << 20, entries: 10 };
        let error = unpack_within(&layer, limits).map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some("the layer has more than 1 MiB"));
    }
}
