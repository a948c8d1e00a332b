//! One module for each command: its arguments, and what it does.

pub mod render;
pub mod run;
pub mod schema;
pub mod trial;
