#!/usr/bin/env bash
# Rates of Apache Kafka, ours and the limit of this machine, by turns in one run: `cargo just bench [--quick] [--publish]`.
# Ratios within a run are what counts: other work on the machine moves all of them. --publish writes reports/published/bench.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
quick= publish=
for word in "$@"; do case $word in
  --quick) quick=1 ;; --publish) publish=1 ;;
  *) echo "bench: unknown argument '$word'; there are --quick and --publish" >&2; exit 2 ;;
esac; done
for tool in java mvn go; do command -v $tool >/dev/null || { echo "bench: $tool is missing; it runs Apache Kafka and the load" >&2; exit 2; }; done

cargo build --quiet --release --package odradek-cli
binary=${CARGO_TARGET_DIR:-target}/release/odradek
work=$(mktemp -d)
stop() { kill "${ours:-}" "${limit:-}" 2>/dev/null || true; "$here/peers/kafka.sh" stop "$work/kafka" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT

echo "starting Apache Kafka, odradek and the limit" >&2
"$here/peers/kafka.sh" start "$work/kafka" --port 29392 >/dev/null
ODRADEK_LOG=warn "$binary" serve --data "$work/odradek" --listen 127.0.0.1:29492 >"$work/ready" 2>"$work/odradek.log" & ours=$!
"$here/peers/limit.sh" 127.0.0.1:29592 "$work/limit" >"$work/limit.log" 2>&1 & limit=$!
for _ in $(seq 300); do grep -q ready "$work/ready" && (exec 3<>/dev/tcp/127.0.0.1/29592) 2>/dev/null && break; sleep 0.1; done
grep -q ready "$work/ready" || { cat "$work/odradek.log" >&2; echo "bench: odradek did not come up" >&2; exit 1; }

kafka=kafka=127.0.0.1:29392@$(cat "$work/kafka/node-0/pid")
odradek=odradek=127.0.0.1:29492@$ours
machine=limit=127.0.0.1:29592@$limit
rounds="-rounds ${ROUNDS:-3} -seconds ${SECONDS_A_ROUND:-4} -warm ${WARM:-4}"
[ -z "$quick" ] || rounds="-rounds 1 -seconds 1 -warm 1"

pace() { # TITLE ARGS...
  local title=$1; shift
  printf '\n## %s\n\n```\n' "$title"
  "$here/peers/pace.sh" "$@" $rounds 2>&1 | sed -u 's/[[:space:]]*$//'
  printf '```\n'
}

# Apache Kafka leaves records to the page cache unless told; ours syncs unless told. Each pair is measured under the same promise.
cached=flush.messages=9223372036854775807 synced=flush.messages=1
report() {
  echo "# Rates beside Apache Kafka"
  echo
  echo "$(date -u +%F), $(nproc) cores shared with the load, $(uname -sr). Apache Kafka $(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$here/peers/kafka/pom.xml"), one node each, by turns in one run."
  echo 'Compare within a block: other work on the machine moves all of its rows. Made by `cargo just bench --publish`.'
  pace "Raw produce, 128 KiB batches, page cache" produce -raw -config $cached -at "$kafka" -at "$odradek" -at "$machine"
  pace "Raw produce, 16 KiB batches, page cache" produce -raw -batch 16384 -config $cached -at "$kafka" -at "$odradek" -at "$machine"
  pace "Raw produce, 16 KiB batches, synced" produce -raw -batch 16384 -config $synced -at "$kafka" -at "$odradek"
  pace "Raw produce, 1 KiB batches on 32 connections, 60 partitions, synced" produce -raw -batch 1024 -size 900 -conns 32 -partitions 60 -config $synced -at "$kafka" -at "$odradek"
  pace "Raw fetch of a warm tail" fetch -raw -at "$kafka" -at "$odradek"
  pace "Produce to consume at 2,000 records/s, synced" latency -config $synced -at "$kafka" -at "$odradek"
}
if [ -n "$publish" ]; then
  mkdir -p reports/published
  report | tee reports/published/bench.md
else
  report
fi
