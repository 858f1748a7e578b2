//! Decisions and their errors.
