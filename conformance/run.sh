#!/usr/bin/env bash
# Foreign clients against our server and against Apache Kafka: `cargo just conformance [--quick] [--install] [--only NAME,…] [--against odradek|kafka|both]`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --quiet --release --package odradek-cli
cargo run --quiet --release --package odradek-conformance -- "$@"
