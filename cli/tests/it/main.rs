//! The binary as its users meet it, against servers in processes of their own.

#[path = "../../../server/tests/it/client.rs"]
mod client;
mod connections;
mod doctor;
mod hostile;
mod process;
mod serve;
mod tools;
mod twice;
