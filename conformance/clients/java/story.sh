#!/usr/bin/env bash
# The story of clients/README.md, told by Apache Kafka's own tools. Each is a JVM of its own, so that each says as much as it can in one call.
# DATA, if it is set, is the data directory of the server: dump-log then reads the topic's files while the server runs.
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
awk -v n="$records" -v filler="$filler" 'BEGIN { for (i = 0; i < n; i++) print "n:" i "\tk" i % 1000 "\tv" i ":" filler }' >"$work/want"
# Where BEND names a part of a record, one record is written otherwise than told, and the story must fail.
awk -F '\t' -v OFS='\t' -v at=$((records / 2)) -v bend="${BEND:-}" '
  NR == at && bend == "headers" { $1 = "n:bent" }  NR == at && bend == "key" { $2 = "bent" }  NR == at && bend == "value" { $3 = $3 "!" }
  NR == at && bend == "order" { held = $0; next }  { print }  NR == at + 50 && held != "" { print held }' "$work/want" >"$work/sent"
before=$(date +%s%3N)
tool console-producer --bootstrap-server "$bootstrap" --topic "$topic" --compression-codec "$codec" \
  --command-property "enable.idempotence=$([ "$idempotent" = 1 ] && echo true || echo false)" --command-property acks=all --batch-size 65536 \
  --reader-property parse.key=true --reader-property parse.headers=true <"$work/sent" >/dev/null
after=$(date +%s%3N)
[ "${BEND:-}" != timestamp ] || before=$((after + 1))

tool get-offsets --bootstrap-server "$bootstrap" --topic-partitions "$topic:0,$topic:1" >"$work/ends"
: >"$work/read"
for partition in 0 1; do
  count=$(sed -n "s/^$topic:$partition:\([0-9]*\)\$/\1/p" "$work/ends")
  [ "${count:-0}" -gt 0 ] || fail "get-offsets: $(tr '\n' ' ' <"$work/ends")"
  tool console-consumer --bootstrap-server "$bootstrap" --topic "$topic" --partition "$partition" --offset earliest --max-messages "$count" --timeout-ms 60000 \
    --formatter-property print.headers=true --formatter-property print.key=true --formatter-property print.timestamp=true \
    --formatter-property print.offset=true >"$work/partition-$partition"
  # Offsets without a gap; timestamps of the time of sending, never going back; within a partition the order of sending.
  awk -F '\t' -v before="$before" -v after="$after" '{ split($1, t, ":"); split($2, o, ":"); split($3, n, ":") }
    o[2] != NR - 1 || t[2] < before || t[2] > after || t[2] < last || (NR > 1 && n[2] <= number) { print; exit 1 } { last = t[2]; number = n[2] }' \
    "$work/partition-$partition" >"$work/odd" || fail "offset, timestamp or order of partition $partition: $(cut -c1-100 "$work/odd")"
  cut -f3- "$work/partition-$partition" >>"$work/read"
done
sort -t: -k2n "$work/read" | cmp - "$work/want" >&2 || fail "what was read differs from what was written ($(wc -l <"$work/read") of $records records)"

# A time in the midst: the timestamp of the middle record of partition 1.
at=$(awk -F '\t' -v at="$(($(wc -l <"$work/partition-1") / 2 + 1))" 'NR == at { split($1, t, ":"); print t[2] }' "$work/partition-1")
for partition in 0 1; do
  awk -F '\t' -v at="$at" -v name="$topic:$partition:" '{ split($1, t, ":"); split($2, o, ":"); if (t[2] >= at) { print name o[2]; found = 1; exit } }
    END { if (!found) print name }' "$work/partition-$partition"
done >"$work/times"
expect "offsets by time $at" "$(tool get-offsets --bootstrap-server "$bootstrap" --topic-partitions "$topic:0,$topic:1" --time "$at")" "$(cat "$work/times")"

echo "{\"partitions\": [{\"topic\": \"$topic\", \"partition\": 0, \"offset\": 5}], \"version\": 1}" >"$work/delete.json"
tool delete-records --bootstrap-server "$bootstrap" --offset-json-file "$work/delete.json" >"$work/deleted"
grep -q "low_watermark: 5" "$work/deleted" || fail "delete-records: $(cat "$work/deleted")"
expect "earliest offsets after delete-records" "$(tool get-offsets --bootstrap-server "$bootstrap" --topic-partitions "$topic:0,$topic:1" --time earliest)" "$topic:0:5
$topic:1:0"

if [ -n "${DATA:-}" ]; then
  tool dump-log --deep-iteration --print-data-log --files "$(printf '%s\n' "$DATA/$topic-1"/*.log | paste -sd,)" >"$work/dumped"
  # The tool begins each file as if offset -1 had been the last: that is no complaint.
  ! grep -v -e '^Non-consecutive offsets in ' -e '^  -1 is followed by ' "$work/errors" >"$work/odd" || fail "dump-log complains: $(head -1 "$work/odd")"
  ! grep -e 'isvalid: false' -e 'invalid bytes' "$work/dumped" >"$work/odd" || fail "dump-log complains: $(head -1 "$work/odd")"
  grep 'baseOffset: ' "$work/dumped" | grep -v "compresscodec: $codec" >"$work/odd" && fail "another codec: $(head -1 "$work/odd")"
  sed -n 's/^| offset: \([0-9]*\) CreateTime: \([0-9]*\) .* headerKeys: \[n\] key: \([^ ]*\) payload: \(.*\)$/\2\t\1\t\3\t\4/p' "$work/dumped" >"$work/files"
  sed 's/^CreateTime:\([0-9]*\)\tOffset:\([0-9]*\)\tn:[0-9]*\t/\1\t\2\t/' "$work/partition-1" | cmp - "$work/files" >&2 || fail "dump-log does not show what was written"
fi

tool producer-perf --bootstrap-server "$bootstrap" --topic "$topic" --num-records "$records" --record-size 100 --throughput -1 \
  --command-property "compression.type=$codec" --command-property acks=all >"$work/perf"
grep -q "^$records records sent" "$work/perf" || fail "producer-perf: $(tail -1 "$work/perf")"

tool topics --bootstrap-server "$bootstrap" --delete --topic "$topic" >/dev/null
tool topics --bootstrap-server "$bootstrap" --list >"$work/listed"
! grep -qx "$topic" "$work/listed" || fail "the topic is still listed after its deletion"
echo "ok Apache Kafka's tools $(sed -n 's/.*<kafka.version>\(.*\)<.*/\1/p' "$here/../../peers/kafka/pom.xml")"
