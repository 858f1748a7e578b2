//! The server on real sockets and files, in this process, so that its counts can be read.

mod client;
mod counts;
mod server;
