#!/usr/bin/env bash
# Rates of Apache Kafka, ours and the limit of this machine, by turns in one run: `cargo just bench [--quick] [--publish] [WORD…]`.
# Ratios within a run are what counts: other work on the machine moves all of them. --publish writes reports/published/bench.md.
# WORDs choose measurements by their titles: `cargo just bench fetch start`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
quick= publish= words=()
for word in "$@"; do case $word in
  --quick) quick=1 ;; --publish) publish=1 ;;
  -*) echo "bench: unknown argument '$word'; there are --quick, --publish and words of the measurements' titles" >&2; exit 2 ;;
  *) words+=("$word") ;;
esac; done
for tool in java mvn go; do command -v $tool >/dev/null || { echo "bench: $tool is missing; it runs Apache Kafka and the load" >&2; exit 2; }; done

cargo build --quiet --release --package odradek-cli
binary=$(realpath "${CARGO_TARGET_DIR:-target}/release/odradek")
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
count=${ROUNDS:-3} seconds=${SECONDS_A_ROUND:-4} warm=${WARM:-4}
[ -z "$quick" ] || { count=1 seconds=1 warm=1; }

# TITLE WHAT-IS-DONE ARGS…: a heading, a sentence, the medians as a table. A measurement that fails says so in its place, and the others go on.
pace() {
  local title=$1 done=$2 word; shift 2
  if [ ${#words[@]} -gt 0 ]; then
    local chosen=
    for word in "${words[@]}"; do [[ ${title,,} == *"${word,,}"* ]] && chosen=1; done
    [ -n "$chosen" ] || return 0
  fi
  echo "measuring: $title" >&2
  printf '\n## %s\n\n%s\n\n' "$title" "$done"
  "$here/peers/pace.sh" "$@" -rounds "$count" -seconds "$seconds" -table | awk '/^round/ { print > "/dev/stderr"; next } { print }' || { touch "$work/failed"; echo "**This measurement failed.**"; }
}

# Apache Kafka leaves records to the page cache unless told; ours syncs unless told. Each pair is measured under the same promise.
cached=flush.messages=9223372036854775807 synced=flush.messages=1
report() {
  cat <<EOF
# Rates beside Apache Kafka

$(date -u +%F), $(nproc) cores shared with the load, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), $(uname -sr); load average before the run $(cut -d' ' -f1 /proc/loadavg).
Columns: **kafka** is Apache Kafka $(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$here/peers/kafka/pom.xml") (KRaft, one node, 1 GiB heap); **odradek** is this server, one node; **limit** is a broker that decides nothing
(receive, checksum, copy into a preallocated file, answer): what this machine can do at the most.

${quick:+**A quick trial: Apache Kafka is not warm yet, so its figures, and the ratios, mean nothing.** }Each figure is the median over $count round(s) of $seconds s after $warm of warming, the brokers taking turns in one run; in brackets the ratio to kafka. **Compare within a
table**: other work on the machine moves all of its columns, and not those of another table. The clients run on the same cores. MB are 10^6 bytes of values; \`server cpu s/GB\` is
processor time of the broker per GB moved; \`server MiB\` is its resident memory after the round. Made by \`cargo just bench --publish\`.
EOF
  pace "Produce, 128 KiB batches, page cache" "4 connections with 4 requests in flight each, batches encoded once, 6 partitions, acks=all, no syncs." \
    produce -raw -warm "$warm" -config $cached -at "$kafka" -at "$odradek" -at "$machine"
  pace "Produce, 16 KiB batches, page cache" "The same with 16 KiB batches." \
    produce -raw -warm "$warm" -batch 16384 -config $cached -at "$kafka" -at "$odradek" -at "$machine"
  pace "Produce, 16 KiB batches, synced" "The same, each batch synced before it is acknowledged (\`flush.messages=1\`)." \
    produce -raw -warm "$warm" -batch 16384 -config $synced -at "$kafka" -at "$odradek"
  pace "Produce, 1 KiB batches over many partitions, synced" "32 connections with 4 requests in flight each, each on a partition of its own, one record of 900 bytes a batch, synced." \
    produce -raw -warm "$warm" -batch 1024 -size 900 -conns 32 -partitions 60 -config $synced -at "$kafka" -at "$odradek"
  pace "Produce beside idle connections" "128 KiB batches as in the first table while 5,000 other connections are open and silent." \
    idle -raw -warm 1 -config $cached -at "$kafka" -at "$odradek"
  pace "Fetch of a warm tail" "4 connections read again and again what was just written (6 partitions, 128 KiB batches, up to 4 MiB a fetch)." \
    fetch -raw -warm "$warm" -config $cached -at "$kafka" -at "$odradek"
  pace "Produce to consume, synced" "2,000 records a second through a franz-go producer without linger to a franz-go consumer; milliseconds from send to receipt, each record synced." \
    latency -warm "$warm" -config $synced -at "$kafka" -at "$odradek"
  pace "A thousand partitions" "One topic of 1,000 partitions: seconds until it is created with all leaders known, and until ten of its partitions have acknowledged a record." \
    partitions -warm 0 -partitions 1000 -at "$kafka" -at "$odradek"
  pace "Start to the first acknowledged record" "From starting the process over an empty directory (formatting it included) to the acknowledgment of the first record of a new topic, synced by odradek and not by kafka." \
    start -warm 1 -at kafka=127.0.0.1:29692 -at odradek=127.0.0.1:29792 \
    -start "kafka=$here/peers/kafka.sh start {dir}/kafka --port 29692" -stop "kafka=$here/peers/kafka.sh stop {dir}/kafka" \
    -start "odradek=$binary serve --data {dir}/odradek --listen 127.0.0.1:29792"
}
if [ -n "$publish" ]; then
  report | tee "$work/bench.md"
  [ -e "$work/failed" ] || { mkdir -p reports/published; cp "$work/bench.md" reports/published/bench.md; }
else
  report
fi
if grep -q . "$work/odradek.log"; then echo "bench: odradek's log has lines:" >&2; tail -5 "$work/odradek.log" >&2; fi
[ ! -e "$work/failed" ] || { echo "bench: a measurement failed${publish:+, so nothing was published}" >&2; exit 1; }
