//! The binary as its users meet it, against servers in processes of their own.

mod hostile;
mod process;
mod serve;
mod tools;
mod twice;
