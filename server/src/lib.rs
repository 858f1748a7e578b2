//! The rim: sockets, files, clock, configuration around the core.
