# The menu: `cargo just` lists it. A fresh machine needs cargo, gcc and git; the first call builds the menu itself, which takes about 90 s.

set positional-arguments

just := quote(just_executable())

# List the recipes
[private]
default:
    @{{just}} --list --unsorted

# ── run ──────────────────────────────────────────────────────────────────────

# The main job: run the scenarios against the real broker core, then watch a planted bug being caught
[group('run')]
tour seeds="1..20":
    cargo build --release --package odradek-cli --features mutants
    target/release/odradek sim tour --seeds {{seeds}}

# Run scenario files: `cargo just sim scenarios/disk --seeds 1..100`
[group('run')]
sim *args:
    @cargo run --release --package odradek-cli -- sim run "$@"

# Start the broker on loopback, in ./odradek-data
[group('run')]
serve *args:
    @cargo run --release --package odradek-cli -- serve "$@"

# What a run costs: sixty simulated seconds of one broker, four clients and a hundred operations a second, on one core; and peak memory
[group('run')]
sim-speed *args:
    @cargo run --release --package odradek-cli -- sim speed "$@"

# Plant every mutant and count the seeds until a checker speaks; fails when one survives
[group('run')]
kill *args:
    @cargo run --release --package odradek-cli --features mutants -- sim kill "$@"

# ── check ────────────────────────────────────────────────────────────────────

# All that must hold before a commit lands: format, lints, tests, documents, determinism
[group('check')]
test: format lint unit documents deterministic

# Formatting
[group('check')]
format:
    cargo fmt --all --check

# Lints, over every target
[group('check')]
lint:
    cargo clippy --workspace --all-targets -- --deny warnings

# Every test of the workspace
[group('check')]
unit:
    cargo test --workspace --no-run
    cargo test --workspace --quiet

# Every link of the documents and of the code's own words; private items are documented too, so that links to them lead somewhere
[group('check')]
documents:
    RUSTDOCFLAGS="--deny warnings --allow rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items

# The same seeds in several processes and builds (release, debug, and with mutants of which none is chosen), perturbed, must give the same
# traces; and the scenarios must hold
[group('check')]
deterministic:
    cargo build --package odradek-cli
    cargo build --release --package odradek-cli --features mutants
    cp target/release/odradek target/odradek-mutants
    cargo build --release --package odradek-cli
    target/release/odradek sim twice scenarios --seeds 1..2 --build target/odradek-mutants
    target/release/odradek sim run scenarios --seeds 1..10

# ── measure, and hold against others ─────────────────────────────────────────

# Foreign clients and tools against our server, and against Apache Kafka: kcat, Python, Java, Go
[group('others')]
conformance *args:
    @conformance/run.sh "$@"

# Rates of Apache Kafka, ours and the machine's limit, by turns in one run
[group('others')]
bench *args:
    @conformance/bench.sh "$@"
