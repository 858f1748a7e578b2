//! The menu of this repository: `just`, pinned to one version and built by cargo, so that a fresh machine needs nothing else.

fn main() {
    if let Err(code) = just::run(std::env::args_os()) {
        std::process::exit(code);
    }
}
