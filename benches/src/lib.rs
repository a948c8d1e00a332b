//! Benches and the regression gate.
