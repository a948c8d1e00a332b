//! The reconciliation engine: sources, render, apply, prune, health.
