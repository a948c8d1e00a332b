//! The entry point.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use seatrial_yaml::{Document, DuplicateKeys, Node, ParseError, ParseOptions};
use sha2::{Digest, Sha256};

use crate::accumulate::Build;
use crate::error::{INVALID_YAML, RenderError, Result};
use crate::loader::Loader;
use crate::{Object, Options, RenderErrors, Rendered, Tree, openapi, read, transform};

/// What was made of file contents, by their SHA-256.
type Cache<T> = Mutex<BTreeMap<[u8; 32], Arc<T>>>;

/// The objects of a file.
pub(crate) type Objects = Vec<Arc<Node>>;

/// Renders kustomizations. Files are parsed once, however many builds and overlays use them: the cache is keyed by
/// content, so it can be shared by trees, revisions and clusters.
#[derive(Debug, Default)]
pub struct Renderer {
    parsed: Cache<Vec<Document>>,
    objects: Cache<Objects>,
}

impl Renderer {
    /// A renderer with an empty cache.
    pub fn new() -> Renderer {
        Renderer::default()
    }

    /// Does what `kustomize build DIR` does. `dir` is a path in the tree (`clusters/beta`, or `.` for its root).
    ///
    /// # Errors
    /// All independent problems of the build: files that are missing or not valid, fields that are unknown or refused,
    /// patches without a target, ambiguous names.
    pub fn build(&self, tree: &Tree, dir: &str, options: &Options) -> Result<Rendered, RenderErrors> {
        let mut build = Build {
            renderer: self,
            options,
            types: Arc::default(),
            warnings: Vec::new(),
            origins: false,
            transformations: false,
            notes: false,
        };
        match self.run(&mut build, tree, dir) {
            Ok(objects) => Ok(Rendered { objects, warnings: build.warnings }),
            Err(errors) => Err(RenderErrors { warnings: build.warnings, ..errors }),
        }
    }

    fn run<'a>(&'a self, build: &mut Build<'a>, tree: &Tree, dir: &str) -> Result<Vec<Object>> {
        let loader = Loader::new(tree, dir, build.options)?;
        let chain = loader.chain();
        let told = |errors: RenderErrors| {
            errors.map(|mut error| {
                if error.chain.is_empty() {
                    error.chain.clone_from(&chain);
                }
                error
            })
        };
        let target = build.load(loader, String::new())?;
        build.origins = transform::has(&target, "originAnnotations");
        build.transformations = transform::has(&target, "transformerAnnotations");
        build.notes = !target.content.build_metadata.is_empty();
        openapi::take_types(build, &target).map_err(told)?;
        let all = build.accumulate(&target).map_err(told)?;
        let resources = transform::finish(build, &target, all).map_err(told)?;
        let objects = resources.into_list().into_iter();
        Ok(objects.map(|r| Object { node: r.shared_node(), file: r.file }).collect())
    }

    /// The objects of a file, lists unpacked.
    pub(crate) fn resources(&self, content: &Bytes) -> Result<Arc<Objects>> {
        let key: [u8; 32] = Sha256::digest(content).into();
        if let Some(known) = lock(&self.objects).get(&key) {
            return Ok(known.clone());
        }
        let objects = Arc::new(read::objects(&self.parse(content)?, is_one_document(content))?);
        lock(&self.objects).insert(key, objects.clone());
        Ok(objects)
    }

    /// The patches of a text. Keys may come twice in them: the first counts where it meets a value, see [`crate::merge`].
    pub(crate) fn patches(&self, content: &Bytes) -> Result<Arc<Objects>> {
        self.resources(content).or_else(|errors| {
            let options = ParseOptions {
                duplicate_keys: DuplicateKeys::Keep,
                comments: false,
                ..ParseOptions::default()
            };
            match seatrial_yaml::parse_pieces(content, &options) {
                Ok(documents) => read::objects(&documents, is_one_document(content)).map(Arc::new),
                Err(_) => Err(errors),
            }
        })
    }

    /// The first document of a kustomization file, the only one that counts: keys may come twice there, the last one counts.
    pub(crate) fn parse_kustomization(&self, content: &Bytes) -> Result<Option<Document>> {
        let options = ParseOptions {
            duplicate_keys: DuplicateKeys::LastWins,
            comments: false,
            ..ParseOptions::default()
        };
        seatrial_yaml::parse_first(content, &options).map_err(invalid)
    }

    /// The documents of a file whose keys may come twice: the last one counts.
    pub(crate) fn parse_lenient(&self, content: &Bytes) -> Result<Arc<Vec<Document>>> {
        self.parse(content).or_else(|errors| {
            let options = ParseOptions {
                duplicate_keys: DuplicateKeys::LastWins,
                comments: false,
                ..ParseOptions::default()
            };
            seatrial_yaml::parse_pieces(content, &options).map(Arc::new).map_err(|_| errors)
        })
    }

    /// The documents of a file.
    pub(crate) fn parse(&self, content: &Bytes) -> Result<Arc<Vec<Document>>> {
        let key: [u8; 32] = Sha256::digest(content).into();
        if let Some(known) = lock(&self.parsed).get(&key) {
            return Ok(known.clone());
        }
        let options = ParseOptions { comments: false, ..ParseOptions::default() };
        let documents = seatrial_yaml::parse_pieces(content, &options).map_err(invalid)?;
        let documents = Arc::new(documents);
        lock(&self.parsed).insert(key, documents.clone());
        Ok(documents)
    }
}

fn is_one_document(content: &[u8]) -> bool {
    !content.windows(4).any(|window| window == b"\n---")
}

fn invalid(error: ParseError) -> RenderErrors {
    RenderError::new(format!("{INVALID_YAML}{}", error.message)).at(error.line, error.column).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
