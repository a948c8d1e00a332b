//! The machine's files, as render reads them.

pub(crate) use seatrial_verbs::Disk;
