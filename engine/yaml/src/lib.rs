//! YAML node tree that keeps comments and style.
