#!/usr/bin/env bash
# The story of clients/README.md, told by kcat: the topic is created by asking for it, records have no timestamps of their own and one header for all.
set -euo pipefail
bootstrap=$1 topic=$2 codec=$3 idempotent=$4 records=$5
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

fail() { echo "failed: $*"; exit 1; }

filler=$(printf 'abcdefghij%.0s' 1 2 3 4 5 6 7 8)
awk -v n="$records" -v filler="$filler" 'BEGIN { for (i = 0; i < n; i++) print "k" i % 1000 "\tv" i ":" filler }' >"$work/sent"
options=(-X "enable.idempotence=$([ "$idempotent" = 1 ] && echo true || echo false)" -X acks=all -X linger.ms=20)
[ "$codec" = none ] || options+=(-z "$codec")

before=$(date +%s%3N)
timeout 120 kcat -b "$bootstrap" -P -t "$topic" -p 0 -K '\t' -H "story=kcat" "${options[@]}" <"$work/sent" 2>"$work/errors" || fail "writing: $(tail -1 "$work/errors")"
after=$(date +%s%3N)

for isolation in read_uncommitted read_committed; do
  timeout 120 kcat -b "$bootstrap" -C -t "$topic" -p 0 -o beginning -e -q -X isolation.level=$isolation -X check.crcs=true \
    -f '%o\t%T\t%h\t%k\t%s\n' >"$work/read" 2>"$work/errors" || fail "reading: $(tail -1 "$work/errors")"
  cut -f4,5 "$work/read" | cmp - "$work/sent" >&2 || fail "$isolation: what was read differs from what was written ($(wc -l <"$work/read") of $records records)"
  awk -F '\t' -v before="$before" -v after="$after" '$1 != NR - 1 || $2 < before || $2 > after || $3 != "story=kcat" { print; exit 1 }' "$work/read" >"$work/odd" \
    || fail "$isolation: offset, timestamp or header of $(cut -c1-100 "$work/odd")"
done

middle=$(awk -F '\t' -v n="$records" 'NR == int(n / 2) { print $2 }' "$work/read")
want=$(awk -F '\t' -v at="$middle" '$2 >= at { print $1; exit }' "$work/read")
got=$(timeout 30 kcat -b "$bootstrap" -Q -t "$topic:0:$middle" 2>/dev/null | sed -n 's/.*offset \([0-9-]*\)$/\1/p')
[ "$got" = "$want" ] || fail "offset by time $middle: got '$got', want $want"

echo "ok kcat $(kcat -V 2>&1 | sed -n 's/^Version \([^ ]*\).*librdkafka \([^ ]*\).*/\1, librdkafka \2/p')"
