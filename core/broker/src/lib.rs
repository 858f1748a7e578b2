//! The composition root: sessions, routing, partitions, purgatory, fetch sessions.
