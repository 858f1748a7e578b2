#!/usr/bin/env bash
# The story of clients/README.md, told by kcat: the topic is created by asking for it, records have no timestamps of their own, and a header is the same for all
# records of one call, so that the second half is written by another call with another header.
set -euo pipefail
bootstrap=$1 topic=$2 codec=$3 idempotent=$4 records=$5
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

fail() { echo "failed: $*"; exit 1; }
kcat() { timeout 120 kcat -b "$bootstrap" "$@" 2>"$work/errors" || fail "kcat $1: $(tail -1 "$work/errors")"; }

half=$((records / 2))
filler=$(printf 'abcdefghij%.0s' 1 2 3 4 5 6 7 8)
awk -v n="$records" -v filler="$filler" 'BEGIN { for (i = 0; i < n; i++) print "half=" (i < int(n / 2) ? 1 : 2) "\tk" i % 1000 "\tv" i ":" filler }' >"$work/want"
# Where BEND names a part of a record, one record is written otherwise than told, and the story must fail.
awk -F '\t' -v OFS='\t' -v at=$((half / 2)) -v bend="${BEND:-}" '
  bend == "key" && NR == at { $2 = "bent" }  bend == "value" && NR == at { $3 = $3 "!" }
  bend == "order" && NR == at { held = $0; next }  { print }  held != "" { print held; held = "" }' "$work/want" >"$work/sent"

options=(-X "enable.idempotence=$([ "$idempotent" = 1 ] && echo true || echo false)" -X acks=all -X linger.ms=20)
[ "$codec" = none ] || options+=(-z "$codec")
before=$(date +%s%3N)
for part in 1 2; do
  header=half=$part; [ "${BEND:-}" != headers ] || header=half=bent
  grep "^half=$part" "$work/sent" | cut -f2,3 >"$work/part"
  kcat -P -t "$topic" -p 0 -K '\t' -H "$header" "${options[@]}" <"$work/part"
done
after=$(date +%s%3N)
[ "${BEND:-}" != timestamp ] || before=$((after + 1))

for isolation in read_uncommitted read_committed; do
  kcat -C -t "$topic" -p 0 -o beginning -e -q -X isolation.level=$isolation -X check.crcs=true -f '%o\t%T\t%h\t%k\t%s\n' >"$work/read"
  cut -f3- "$work/read" | cmp - "$work/want" >&2 || fail "$isolation: what was read differs from what was written ($(wc -l <"$work/read") of $records records)"
  awk -F '\t' -v before="$before" -v after="$after" '$1 != NR - 1 || $2 < before || $2 > after { print; exit 1 }' "$work/read" >"$work/odd" \
    || fail "$isolation: offset or timestamp of $(cut -c1-100 "$work/odd")"
done

middle=$(awk -F '\t' -v at="$half" 'NR == at { print $2 }' "$work/read")
want=$(awk -F '\t' -v at="$middle" '$2 >= at { print $1; exit }' "$work/read")
for at in "-2 0" "-1 $records" "$middle $want" "$((after + 60000)) -1"; do
  got=$(kcat -Q -t "$topic:0:${at% *}" | sed -n 's/.*offset \([0-9-]*\)$/\1/p')
  [ "$got" = "${at#* }" ] || fail "offset by time ${at% *}: got '$got', want ${at#* }"
done
first=$(kcat -C -t "$topic" -p 0 -o "s@$middle" -c 1 -q -f '%o')
[ "$first" = "$want" ] || fail "reading from time $middle on: began at '$first', want $want"

echo "ok kcat $(command kcat -V 2>&1 | sed -n 's/^Version \([^ ]*\).*librdkafka \([^ ]*\).*/\1, librdkafka \2/p')"
