//! Pure rendering of kustomizations: a tree of files in, Kubernetes objects out.
//!
//! [`Renderer::build`] does what `kustomize build` v5.8.1 does, byte for byte, without I/O and without a clock: it reads
//! from a [`Tree`], a cheap persistent map of paths to contents.
//!
//! ```
//! use seatrial_render::{Options, Renderer, Tree};
//!
//! let tree = Tree::new()
//!     .with_file("app/kustomization.yaml", "namePrefix: my-\nresources: [service.yaml]\n")
//!     .with_file("app/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n");
//! let rendered = Renderer::new().build(&tree, "app", &Options::default())?;
//! assert_eq!(rendered.objects[0].name(), "my-web");
//! assert_eq!(rendered.to_yaml()?, "apiVersion: v1\nkind: Service\nmetadata:\n  name: my-web\n");
//! # Ok::<(), seatrial_render::RenderErrors>(())
//! ```
//!
//! # The flow
//! ```text
//! Tree -> load (kustomization, files) -> accumulate (resources, generators, components, transformers, per kustomization)
//!      -> once, at the top: hashes, name references, variables, order -> Rendered
//! ```
//!
//! # What is refused
//! Helm charts, containers, exec and Go plugins need programs outside of the process: they are errors that say so.
//! Remote resources are asked of [`Options::remotes`]; without it they are errors too.

mod accumulate;
mod cache;
mod config;
mod decode;
mod directories;
mod error;
mod field_path;
mod flux;
mod gather;
mod generate;
mod ids;
mod kustomization;
mod loader;
mod merge;
mod notes;
mod object;
mod openapi;
mod options;
mod origin;
mod parallel;
mod path;
mod plugin;
mod read;
mod remote;
mod renderer;
mod resmap;
mod resource;
mod transform;
mod tree;

pub use error::{RenderError, RenderErrors};
pub use flux::{FluxFile, generate_kustomization};
pub use kustomization::KUSTOMIZATION_FILES;
pub use object::{Object, Rendered};
pub use options::{LoadRestrictor, Options, Reorder};
pub use remote::{RemoteDir, RemoteError, Remotes};
pub use renderer::Renderer;
pub use transform::LabelSelector;
pub use tree::{Entry, FileSource, Found, ResolveError, Tree};
