//! Elections, commits, snapshots and restarts.
