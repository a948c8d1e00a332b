//! Gathering: a kustomization's resources, generators, components and transformers, level by level.

use std::sync::Arc;

use crate::config::TransformerConfig;
use crate::directories::OfTree;
use crate::error::{Context, RenderError, RenderErrors, Result, fail};
use crate::kustomization::model::Var;
use crate::kustomization::{self, Kustomization};
use crate::loader::Loader;
use crate::origin::Origin;
use crate::remote::RemoteDir;
use crate::resmap::ResMap;
use crate::resource::Types;
use crate::{Options, Renderer, generate, openapi, path, read, transform};

/// How deep kustomizations may nest.
pub(crate) const MAX_DEPTH: usize = 100;

const FORCED: &str = "Warning: Forcing the git protocol using the 'git::' URL prefix is not supported. Kustomize currently \
     strips this invalid prefix, but will stop doing so in a future release. Please remove the 'git::' prefix from your \
     configuration.";

/// What is common to all kustomizations of one build.
pub(crate) struct Build<'a> {
    pub(crate) renderer: &'a Renderer,
    pub(crate) options: &'a Options,
    pub(crate) types: Arc<Types>,
    pub(crate) warnings: Vec<String>,
    /// What directories of the tree amounted to in earlier builds.
    pub(crate) directories: Option<Arc<OfTree>>,
    /// What to note about where objects come from.
    pub(crate) origins: bool,
    pub(crate) transformations: bool,
    /// Whether any of both is asked for.
    pub(crate) notes: bool,
    /// How many threads may work here.
    pub(crate) threads: usize,
    /// A helper met what only the order of kustomizations decides: its work is done again in that order.
    pub(crate) needs_order: bool,
}

/// What a kustomization amounts to, bases included.
#[derive(Default)]
pub(crate) struct Accumulator {
    pub(crate) resources: ResMap,
    pub(crate) config: Arc<TransformerConfig>,
    pub(crate) vars: Vec<Var>,
}

/// One kustomization at work.
pub(crate) struct Target<'a> {
    pub(crate) loader: Loader<'a>,
    pub(crate) content: Arc<Kustomization>,
    /// Its file's name, and its directory relative to that of the build.
    pub(crate) file_name: String,
    pub(crate) path: String,
    pub(crate) relative: String,
}

impl<'a> Build<'a> {
    /// Reads the kustomization of a directory.
    pub(crate) fn load(&mut self, loader: Loader<'a>, relative: String) -> Result<Target<'a>> {
        if loader.depth() > MAX_DEPTH {
            return fail(format!("kustomizations are nested more than {MAX_DEPTH} deep"));
        }
        let loaded = kustomization::load(self.renderer, &loader)?;
        self.warnings.extend(loaded.warnings);
        Ok(Target {
            loader,
            content: loaded.content,
            file_name: loaded.file_name,
            path: loaded.path,
            relative,
        })
    }

    /// The whole of a kustomization.
    pub(crate) fn accumulate(&mut self, target: &Target<'a>) -> Result<Accumulator> {
        let mut into = Accumulator::default();
        self.accumulate_into(target, &mut into)?;
        Ok(into)
    }

    pub(crate) fn accumulate_into(&mut self, target: &Target<'a>, into: &mut Accumulator) -> Result<()> {
        let content = &target.content;
        self.add_resources(target, into).context(|| "accumulating resources".to_owned())?;
        TransformerConfig::merge_shared(&mut into.config, &self.config_of(target)?)?;
        if !content.crds.is_empty() {
            openapi::add_crds(self.renderer, target, Arc::make_mut(&mut into.config))?;
        }
        generate::run(self, target, &mut into.resources)?;
        self.each(&content.components, |build, entry| build.add_component(target, entry, into))
            .context(|| "accumulating components".to_owned())?;
        transform::run(self, target, into)?;
        transform::vars::bind(&content.vars, &mut into.resources)?;
        for var in &content.vars {
            if into.vars.iter().any(|known| known.name == var.name) {
                return fail(format!("var '{}' already encountered", var.name));
            }
            into.vars.push(var.clone());
        }
        Ok(())
    }

    /// The field specs of a kustomization: its own ones go before those of kustomize.
    fn config_of(&self, target: &Target<'a>) -> Result<Arc<TransformerConfig>> {
        let files = &target.content.configurations;
        if files.is_empty() {
            return Ok(TransformerConfig::builtin());
        }
        let mut own = TransformerConfig::default();
        for file in files {
            own.merge(&read::config(self.renderer, &target.loader, file)?)?;
        }
        own.merge(&TransformerConfig::builtin())?;
        Ok(Arc::new(own))
    }

    /// Goes on after a failure, so that all independent problems are told.
    pub(crate) fn each(
        &mut self,
        entries: &[String],
        mut add: impl FnMut(&mut Build<'a>, &str) -> Result<()>,
    ) -> Result<()> {
        let mut failed: Option<RenderErrors> = None;
        for entry in entries {
            if let Err(errors) = add(self, entry) {
                match &mut failed {
                    Some(all) => all.errors.extend(errors.errors),
                    None => failed = Some(errors),
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn add_component(&mut self, target: &Target<'a>, entry: &str, into: &mut Accumulator) -> Result<()> {
        let quoted = |what: &'static str| {
            move |mut error: RenderError| {
                error.message = format!("{what} {:?}", error.message);
                error
            }
        };
        let loader = target.enter(self, entry).map_err(|errors| errors.map(quoted("loader.New")))?;
        self.add_component_of(target, entry, loader, into)
            .map_err(|errors| errors.map(quoted("accumulateDirectory:")))
    }
}

impl<'a> Target<'a> {
    /// The loader of another kustomization: a directory, or a remote repository.
    pub(crate) fn enter(&self, build: &mut Build<'_>, entry: &str) -> Result<Loader<'a>> {
        let entered = self.loader.enter(entry);
        if RemoteDir::parse(entry).is_some_and(|remote| remote.forced) {
            build.warnings.push(FORCED.to_owned());
        }
        entered
    }

    /// The path of a directory that was entered, relative to that of the build or, in a remote repository, to its root.
    pub(crate) fn relative_to(&self, entry: &str, loader: &Loader<'_>) -> String {
        match (&loader.repository, &self.loader.repository) {
            (Some(theirs), Some(ours)) if Arc::ptr_eq(theirs, ours) => {
                path::join_relative(&self.relative, entry)
            }
            (Some(_), _) => loader.root.clone(),
            (None, _) => path::join_relative(&self.relative, entry),
        }
    }

    /// Where a file that the kustomization names comes from.
    pub(crate) fn origin(&self, entry: &str) -> Origin {
        self.in_repository(Origin::file(path::join_relative(&self.relative, entry)))
    }

    /// A generator or transformer that the kustomization's own fields configure.
    pub(crate) fn builtin(&self, kind: &str) -> Origin {
        let file = path::join_relative(&self.relative, &self.file_name);
        self.in_repository(Origin::configured(&file, "builtin", kind, "", ""))
    }

    /// With the repository, where it is a remote one.
    pub(crate) fn in_repository(&self, mut origin: Origin) -> Origin {
        if let Some(remote) = &self.loader.repository {
            origin.repo.clone_from(&remote.url);
            origin.reference = remote.reference.clone().unwrap_or_default();
        }
        origin
    }
}

impl Accumulator {
    /// The same in another build.
    pub(crate) fn with_types(&self, types: &Arc<Types>) -> Accumulator {
        let resources = self.resources.with_types(types);
        Accumulator { resources, config: self.config.clone(), vars: self.vars.clone() }
    }

    pub(crate) fn merge(&mut self, other: Accumulator) -> Result<()> {
        self.resources.append_map(other.resources)?;
        TransformerConfig::merge_shared(&mut self.config, &other.config)?;
        for var in other.vars {
            match self.vars.iter().find(|known| known.name == var.name) {
                Some(_) => return fail(format!("var '{}' already encountered", var.name)),
                None => self.vars.push(var),
            }
        }
        Ok(())
    }
}
