//! The one binary, `odradek`.

fn main() {}
