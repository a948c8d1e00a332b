//! Time and chance as inputs: the clock, the seeded executor, the seeded random source.
