//! The entry point.

use std::sync::Arc;

use bytes::Bytes;
use seatrial_yaml::{Document, DuplicateKeys, Node, ParseError, ParseOptions};

use crate::accumulate::Build;
use crate::cache::Cache;
use crate::directories::Directories;
use crate::error::{INVALID_YAML, RenderError, Result};
use crate::kustomization::Read;
use crate::loader::Loader;
use crate::remote::redacted;
use crate::{Object, Options, RenderErrors, Rendered, Tree, openapi, read, transform};

/// The objects of a file.
pub(crate) type Objects = Vec<Arc<Node>>;

/// Renders kustomizations. Files are parsed once, however many builds and overlays use them: the cache is keyed by
/// content, so it can be shared by trees, revisions and clusters. In a tree that differs from an earlier one in a few files,
/// the directories that do not use these are not built again.
#[derive(Debug)]
pub struct Renderer {
    parsed: Cache<Vec<Document>>,
    objects: Cache<Objects>,
    /// Kustomization files.
    pub(crate) kustomizations: Cache<Read>,
    /// Where later builds are expected.
    directories: Option<Directories>,
}

impl Default for Renderer {
    fn default() -> Renderer {
        Renderer::new()
    }
}

impl Renderer {
    /// A renderer with an empty cache.
    pub fn new() -> Renderer {
        Renderer {
            parsed: Cache::default(),
            objects: Cache::default(),
            kustomizations: Cache::default(),
            directories: Some(Directories::default()),
        }
    }

    /// A renderer for one build, as of a command: what a build uses once is not kept for others.
    pub fn for_one_build() -> Renderer {
        Renderer {
            parsed: Cache::of_repeated(),
            objects: Cache::of_repeated(),
            kustomizations: Cache::of_repeated(),
            directories: None,
        }
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
            directories: None,
            origins: false,
            transformations: false,
            notes: false,
            threads: options.threads.max(1),
            needs_order: false,
        };
        match self.run(&mut build, tree, dir) {
            Ok(objects) => Ok(Rendered { objects, warnings: build.warnings }),
            Err(errors) => Err(RenderErrors { warnings: build.warnings, ..without_passwords(errors) }),
        }
    }

    fn run<'a>(&'a self, build: &mut Build<'a>, tree: &Tree, dir: &str) -> Result<Vec<Object>> {
        let loader = Loader::new(tree, dir, build.options)?;
        let relative = loader.repository.as_ref().map(|_| loader.root.clone()).unwrap_or_default();
        let chain = loader.chain();
        let told = |errors: RenderErrors| {
            errors.map(|mut error| {
                if error.chain.is_empty() {
                    error.chain.clone_from(&chain);
                }
                error
            })
        };
        let target = build.load(loader, relative)?;
        build.origins = transform::has(&target, "originAnnotations");
        build.transformations = transform::has(&target, "transformerAnnotations");
        build.notes = !target.content.build_metadata.is_empty();
        if !build.notes {
            build.directories = self.directories.as_ref().and_then(|directories| directories.of(tree));
        }
        openapi::take_types(build, &target).map_err(told)?;
        let all = build.accumulate(&target).map_err(told)?;
        let resources = transform::finish(build, &target, all).map_err(told)?;
        let objects = resources.into_list().into_iter();
        Ok(objects.map(|r| Object { node: r.shared_node(), file: r.file }).collect())
    }

    /// The objects of a file, lists unpacked.
    pub(crate) fn resources(&self, content: &Bytes) -> Result<Arc<Objects>> {
        self.objects.get_or_make(content, || read::objects(parse(content)?, content))
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
                Ok(documents) => read::objects(documents, content).map(Arc::new),
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
        self.parsed.get_or_make(content, || parse(content))
    }
}

/// URLs can have passwords in them.
fn without_passwords(errors: RenderErrors) -> RenderErrors {
    errors.map(|mut error| {
        error.message = redacted(&error.message);
        error.file = redacted(&error.file);
        error.chain.iter_mut().for_each(|dir| *dir = redacted(dir));
        error
    })
}

fn parse(content: &[u8]) -> Result<Vec<Document>> {
    let options = ParseOptions { comments: false, ..ParseOptions::default() };
    seatrial_yaml::parse_pieces(content, &options).map_err(invalid)
}

fn invalid(error: ParseError) -> RenderErrors {
    let above = error.above;
    let error = RenderError::new(format!("{INVALID_YAML}{}", error.message)).at(error.line, error.column);
    RenderError { above, ..error }.into()
}
