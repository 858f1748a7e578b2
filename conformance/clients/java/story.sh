#!/usr/bin/env bash
# The story of clients/README.md, told by Apache Kafka's own tools.
set -euo pipefail
bootstrap=$1 topic=$2 codec=$3 idempotent=$4 records=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export KAFKA_HEAP=-Xmx256m KAFKA_JVM="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"

fail() { echo "failed: $*"; exit 1; }
tool() { timeout 180 "$here/../../peers/kafka.sh" run "$@" 2>"$work/errors" || fail "$1: $(grep -v '^\s*at ' "$work/errors" | tail -2 | tr '\n' ' ')"; }
expect() { [ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"; }

tool topics --bootstrap-server "$bootstrap" --create --topic "$topic" --partitions 2 --replication-factor 1 --config segment.bytes=1048576 >/dev/null
tool configs --bootstrap-server "$bootstrap" --alter --entity-type topics --entity-name "$topic" --add-config retention.ms=-1 >/dev/null
tool configs --bootstrap-server "$bootstrap" --describe --entity-type topics --entity-name "$topic" >"$work/configs"
grep -q 'retention.ms=-1' "$work/configs" && grep -q 'segment.bytes=1048576' "$work/configs" || fail "configs: $(cat "$work/configs")"
tool topics --bootstrap-server "$bootstrap" --describe --topic "$topic" >"$work/described"
grep -q 'PartitionCount: 2' "$work/described" || fail "describe: $(cat "$work/described")"

# Keyed, with a header of its own for each record.
filler=$(printf 'abcdefghij%.0s' 1 2 3 4 5 6 7 8)
awk -v n="$records" -v filler="$filler" 'BEGIN { for (i = 0; i < n; i++) print "n:" i "\tk" i % 1000 "\tv" i ":" filler }' >"$work/sent"
tool console-producer --bootstrap-server "$bootstrap" --topic "$topic" --compression-codec "$codec" \
  --command-property "enable.idempotence=$([ "$idempotent" = 1 ] && echo true || echo false)" --command-property acks=all --batch-size 65536 \
  --reader-property parse.key=true --reader-property parse.headers=true <"$work/sent" >/dev/null
: >"$work/read"
for partition in 0 1; do
  count=$(tool get-offsets --bootstrap-server "$bootstrap" --topic-partitions "$topic:$partition" | cut -d: -f3)
  tool console-consumer --bootstrap-server "$bootstrap" --topic "$topic" --partition "$partition" --offset earliest --max-messages "$count" --timeout-ms 60000 \
    --formatter-property print.headers=true --formatter-property print.key=true --formatter-property print.timestamp=true \
    --formatter-property print.offset=true >"$work/partition"
  awk -F '\t' '{ split($2, o, ":"); if (o[2] != NR - 1) { print; exit 1 } }' "$work/partition" >"$work/odd" || fail "offsets of partition $partition: $(cut -c1-100 "$work/odd")"
  cut -f3- "$work/partition" >>"$work/read"
  # Within a partition the order of sending is kept.
  cut -f3 "$work/partition" | cut -d: -f2 | sort -n -c 2>/dev/null || fail "partition $partition is not in the order of sending"
done
sort -t: -k2n "$work/read" | cmp - "$work/sent" >&2 || fail "what was read differs from what was written ($(wc -l <"$work/read") of $records records)"

at=$(tail -1 "$work/partition" | cut -f1 | cut -d: -f2)
want=$(awk -F '\t' -v at="$at" '{ split($1, t, ":"); split($2, o, ":"); if (t[2] >= at) { print o[2]; exit } }' "$work/partition")
expect "offset by time" "$(tool get-offsets --bootstrap-server "$bootstrap" --topic-partitions "$topic:1" --time "$at")" "$topic:1:$want"
expect "earliest offset" "$(tool get-offsets --bootstrap-server "$bootstrap" --topic-partitions "$topic:0" --time earliest)" "$topic:0:0"

echo "{\"partitions\": [{\"topic\": \"$topic\", \"partition\": 0, \"offset\": 5}], \"version\": 1}" >"$work/delete.json"
tool delete-records --bootstrap-server "$bootstrap" --offset-json-file "$work/delete.json" >"$work/deleted"
grep -q "low_watermark: 5" "$work/deleted" || fail "delete-records: $(cat "$work/deleted")"
expect "earliest offset after delete-records" "$(tool get-offsets --bootstrap-server "$bootstrap" --topic-partitions "$topic:0" --time earliest)" "$topic:0:5"

tool producer-perf --bootstrap-server "$bootstrap" --topic "$topic" --num-records "$records" --record-size 100 --throughput -1 \
  --command-property "compression.type=$codec" --command-property acks=all >"$work/perf"
grep -q "^$records records sent" "$work/perf" || fail "producer-perf: $(tail -1 "$work/perf")"

tool topics --bootstrap-server "$bootstrap" --delete --topic "$topic" >/dev/null
if tool topics --bootstrap-server "$bootstrap" --list | grep -qx "$topic"; then fail "the topic is still listed after its deletion"; fi
echo "ok Apache Kafka's tools $(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$here/../../peers/kafka/pom.xml")"
