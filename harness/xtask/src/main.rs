//! Generates tables and schemas; checks the tree.
fn main() {}
