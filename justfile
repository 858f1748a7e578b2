# The menu. `cargo just` lists it; a fresh machine needs only cargo and gcc.

set positional-arguments

target := env("CARGO_TARGET_DIR", "target")

# List the recipes
default:
    @{{just_executable()}} --list --unsorted --list-heading $'Odradek: a Kafka broker put on trial\n' 2>/dev/null || cargo just --list
