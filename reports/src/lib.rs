//! Recorded runs turned into pages people read.
