//! The entries of `resources` and `components`: files, and kustomizations of other directories.
//!
//! What an entry of `resources` amounts to does not depend on the others, so that several threads may find it out; it joins
//! the others in the order of the entries.

use std::sync::Arc;

use bytes::Bytes;

use crate::accumulate::{Accumulator, Build, Target};
use crate::directories::{Directory, Trace};
use crate::error::{
    Context, MALFORMED, RenderErrors, Result, fail, is_malformed, is_of_printing, key_twice, malformed,
};
use crate::loader::{HTTP_ERROR, Loader, in_file};
use crate::remote::is_url;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::{openapi, parallel, read};

/// Fewer entries are gathered on one thread.
const FEW_ENTRIES: usize = 4;

/// What an entry of `resources` amounts to.
enum Gathered {
    /// A file's objects, and how messages show the file.
    File(Vec<Resource>, String),
    /// A directory's kustomization.
    Directory(Box<Whole>),
}

struct Whole {
    content: Accumulator,
    place: Place,
    /// Why the entry was not taken for a file.
    no_file: RenderErrors,
}

/// A directory, for messages.
struct Place {
    shown: String,
    chain: Vec<String>,
}

impl Place {
    fn of(loader: &Loader<'_>) -> Place {
        Place { shown: loader.shown(&loader.root), chain: loader.chain() }
    }

    /// Says which kustomizations led here.
    fn told(&self, errors: RenderErrors) -> RenderErrors {
        errors.map(|mut error| {
            if error.chain.len() < self.chain.len() {
                error.chain.clone_from(&self.chain);
            }
            error
        })
    }
}

impl<'a> Build<'a> {
    /// A build that does a part of this one's work.
    fn helper(&self) -> Build<'a> {
        Build {
            renderer: self.renderer,
            options: self.options,
            types: self.types.clone(),
            directories: self.directories.clone(),
            warnings: Vec::new(),
            threads: 0,
            needs_order: false,
            ..*self
        }
    }

    /// Whether this build does a part of another one's work.
    pub(crate) fn is_helper(&self) -> bool {
        self.threads == 0
    }

    /// All entries of `resources`. Goes on after a failure, so that all independent problems are told.
    pub(crate) fn add_resources(&mut self, target: &Target<'a>, into: &mut Accumulator) -> Result<()> {
        let entries = &target.content.resources;
        if self.threads > 1 && entries.len() >= FEW_ENTRIES {
            let gathered = parallel::map(self.threads, entries, |entry| {
                let mut helper = self.helper();
                let gathered = helper.gather(target, entry);
                (gathered, helper.warnings, helper.needs_order)
            });
            if gathered.iter().all(|(.., needs_order)| !needs_order) {
                let mut gathered = gathered.into_iter();
                return self.each(entries, |build, entry| {
                    let Some((gathered, warnings, _)) = gathered.next() else { return Ok(()) };
                    build.warnings.extend(warnings);
                    into.take(entry, gathered?)
                });
            }
        }
        self.each(entries, |build, entry| into.take(entry, build.gather(target, entry)?))
    }

    /// A file, or else the kustomization of a directory.
    fn gather(&mut self, target: &Target<'a>, entry: &str) -> Result<Gathered> {
        let no_file = match target.loader.load(entry) {
            Ok((file, content)) => {
                let shown = target.loader.shown(&file);
                match self.gather_file(target, entry, &content, &shown) {
                    // What is behind the URL of a repository is a page for people, most often.
                    Err(errors) if is_url(entry) => errors,
                    Err(errors) if errors.errors.iter().any(is_of_printing) => {
                        return Err(errors.map(in_file(&shown)));
                    }
                    Err(errors) if errors.errors.iter().any(|e| e.message.contains(MALFORMED)) => {
                        return Err(told(errors, entry).map(in_file(&shown)));
                    }
                    Err(errors) => {
                        return Err(no_directory(told(errors, entry), &shown).map(in_file(&shown)));
                    }
                    Ok(resources) => return Ok(Gathered::File(resources, shown)),
                }
            }
            Err(errors) if errors.errors.iter().any(|e| e.message.starts_with(HTTP_ERROR)) => {
                return Err(told(errors, entry));
            }
            Err(errors) => errors,
        };
        let gathered = match target.enter(self, entry) {
            Ok(loader) => self.gather_directory(target, entry, loader),
            Err(_) if no_file.errors.iter().any(|e| e.message.contains(MALFORMED)) => {
                return Err(told(no_file, entry).map(in_file(entry)));
            }
            Err(errors) => Err(errors),
        };
        let (content, place) = gathered.context(|| accumulation(entry, &no_file))?;
        Ok(Gathered::Directory(Box::new(Whole { content, place, no_file })))
    }

    /// The resources of a file.
    fn gather_file(
        &mut self,
        target: &Target<'a>,
        entry: &str,
        content: &Bytes,
        shown: &str,
    ) -> Result<Vec<Resource>> {
        let origin = self.notes.then(|| Arc::new(target.origin(entry)));
        let read = read::resources(self.renderer, content, shown, &self.types).map_err(|errors| {
            errors.map(|mut error| {
                if let Some(message) = key_twice(&error) {
                    error.message = message;
                } else if is_malformed(&error) {
                    error.message = malformed(&error, entry);
                }
                error
            })
        });
        let mut resources = read.and_then(unique)?;
        resources.iter_mut().for_each(|r| r.origin.clone_from(&origin));
        Ok(resources)
    }

    fn gather_directory(
        &mut self,
        by: &Target<'a>,
        entry: &str,
        mut loader: Loader<'a>,
    ) -> Result<(Accumulator, Place)> {
        let known =
            self.directories.clone().filter(|_| self.types.are_builtin() && loader.repository.is_none());
        let (root, restrictor) = (loader.root.clone(), self.options.load_restrictor);
        let directory = known.as_ref().and_then(|known| known.get(&root, restrictor, &loader.visited()));
        if let Some(directory) = directory {
            self.warnings.extend_from_slice(&directory.warnings);
            by.loader.note(|trace| trace.inner(directory.reads.clone()));
            return Ok((directory.content.with_types(&self.types), Place::of(&loader)));
        }
        let trace = known.as_ref().map(|_| Arc::new(Trace::default()));
        loader.trace.clone_from(&trace);
        let warned = self.warnings.len();
        let gathered = self.gather_new(by, entry, loader)?;
        match trace.map(|trace| trace.take()) {
            Some(Some(reads)) if self.types.are_builtin() => {
                by.loader.note(|trace| trace.inner(reads.clone()));
                let warnings = self.warnings[warned..].to_vec();
                let directory = Directory { content: gathered.0.with_types(&self.types), warnings, reads };
                if let Some(known) = &known {
                    known.put(&root, restrictor, directory);
                }
            }
            _ => by.loader.note(Trace::more),
        }
        Ok(gathered)
    }

    fn gather_new(
        &mut self,
        by: &Target<'a>,
        entry: &str,
        loader: Loader<'a>,
    ) -> Result<(Accumulator, Place)> {
        let (target, place) = self.enter(by, entry, loader)?;
        if target.content.kind == "Component" {
            return fail(format!("expected kind != 'Component' for path '{}'", place.shown));
        }
        let mut content = self
            .accumulate(&target)
            .context(|| format!("recursed accumulation of path '{}'", place.shown))
            .map_err(|errors| place.told(errors))?;
        content.resources.index();
        Ok((content, place))
    }

    /// The component in a directory: it works on what is there.
    pub(crate) fn add_component_of(
        &mut self,
        by: &Target<'a>,
        entry: &str,
        loader: Loader<'a>,
        into: &mut Accumulator,
    ) -> Result<()> {
        let (target, place) = self.enter(by, entry, loader)?;
        let kind = target.content.kind.as_str();
        if kind != "Component" {
            return fail(format!("expected kind 'Component' for path '{}' but got '{kind}'", place.shown));
        }
        self.accumulate_into(&target, into)
            .context(|| format!("recursed accumulation of path '{}'", place.shown))
            .map_err(|errors| place.told(errors))?;
        into.resources
            .check_changed("may not add resource with an already registered id")
            .context(|| format!("recursed merging from path '{}'", place.shown))
            .map_err(|errors| place.told(errors))
    }

    /// Reads the kustomization of a directory that another one names.
    fn enter(&mut self, by: &Target<'a>, entry: &str, loader: Loader<'a>) -> Result<(Target<'a>, Place)> {
        let relative = by.relative_to(entry, &loader);
        let place = Place::of(&loader);
        let target = self
            .load(loader, relative)
            .context(|| format!("couldn't make target for path '{}'", place.shown))
            .map_err(|errors| place.told(errors))?;
        openapi::take_types(self, &target)?;
        Ok((target, place))
    }
}

impl Accumulator {
    /// Adds what an entry amounts to.
    fn take(&mut self, entry: &str, gathered: Gathered) -> Result<()> {
        match gathered {
            Gathered::File(resources, shown) => self
                .resources
                .append_all(resources)
                .context(|| format!("merging resources from '{entry}'"))
                .map_err(|errors| no_directory(errors, &shown).map(in_file(&shown))),
            Gathered::Directory(directory) => {
                let Whole { content, place, no_file } = *directory;
                self.merge(content)
                    .context(|| format!("recursed merging from path '{}'", place.shown))
                    .map_err(|errors| place.told(errors))
                    .context(|| accumulation(entry, &no_file))
            }
        }
    }
}

fn told(errors: RenderErrors, entry: &str) -> RenderErrors {
    errors.map(|mut error| {
        error.message = format!("accumulating resources from '{entry}': {}", error.message);
        error
    })
}

fn accumulation(entry: &str, no_file: &RenderErrors) -> String {
    format!("accumulation err='accumulating resources from '{entry}': {no_file}'")
}

/// Resources of one file, if no two of them are the same object.
fn unique(resources: Vec<Resource>) -> Result<Vec<Resource>> {
    if resources.len() < 2 {
        return Ok(resources);
    }
    let mut all = ResMap::default();
    all.append_all(resources)?;
    Ok(all.into_list())
}

/// A file that is no file of resources is looked at as a directory, too.
fn no_directory(errors: RenderErrors, shown: &str) -> RenderErrors {
    errors.map(|mut error| {
        let message = &error.message;
        error.message = format!(
            "accumulation err='{message}': must build at directory: '{shown}': file is not directory"
        );
        error
    })
}
