//! One module for each command: its arguments, and what it does.

pub(crate) mod flux;
pub(crate) mod forge;
pub(crate) mod lint;
mod openers;
pub(crate) mod preview;
mod remotes;
pub(crate) mod render;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod seal;
pub(crate) mod services;
pub(crate) mod trial;
pub(crate) mod up;
