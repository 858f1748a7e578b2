// The story of clients/README.md, told by franz-go.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	baseMs     = 1_700_000_000_000
	partitions = 2
)

// As the attributes of a batch number them.
var codecs = [...]string{"none", "gzip", "snappy", "lz4", "zstd"}

// So long that even one record alone gets shorter by gzip: kgo sends a batch as it is where compression gains nothing.
var filler = strings.Repeat("abcdefghij", 24)

func key(i int) []byte   { return []byte(fmt.Sprintf("k%d", i%1000)) }
func value(i int) []byte { return []byte(fmt.Sprintf("v%d:%s", i, filler)) }

func fail(format string, args ...any) {
	fmt.Printf("failed: "+format+"\n", args...)
	os.Exit(1)
}

func check(what string, err error) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func codec(name string) kgo.CompressionCodec {
	return map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}[name]
}

// bend writes one record otherwise than told where BEND names a part of a record: the story must then fail.
func bend(i int, records int, record *kgo.Record) {
	middle := records / partitions / 2
	if record.Partition != 1 || (i != middle && i != middle+1) {
		return
	}
	what := os.Getenv("BEND")
	switch {
	case what == "order" && i == middle:
		record.Key, record.Value = key(i+1), value(i+1)
	case what == "order":
		record.Key, record.Value = key(i-1), value(i-1)
	case i != middle:
	case what == "key":
		record.Key = []byte("bent")
	case what == "value":
		record.Value = append(record.Value, '!')
	case what == "headers":
		record.Headers[0].Value = []byte("bent")
	case what == "timestamp":
		record.Timestamp = record.Timestamp.Add(time.Millisecond)
	}
}

func write(ctx context.Context, bootstrap, topic, codecName string, idempotent bool, records int) {
	options := []kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.ProducerBatchCompression(codec(codecName)), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.MaxBufferedRecords(1 << 20)}
	if !idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	client, err := kgo.NewClient(options...)
	check("producer", err)
	defer client.Close()
	next := make([]int64, partitions)
	for i := 0; i < records/partitions; i++ {
		for p := int32(0); p < partitions; p++ {
			record := &kgo.Record{Topic: topic, Partition: p, Key: key(i), Value: value(i), Timestamp: time.UnixMilli(baseMs + int64(i)),
				Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(strconv.Itoa(i))}}}
			bend(i, records, record)
			client.Produce(ctx, record, func(r *kgo.Record, err error) {
				check("produce", err)
				if r.Offset != next[r.Partition] {
					fail("partition %d acknowledged offset %d, want %d", r.Partition, r.Offset, next[r.Partition])
				}
				next[r.Partition]++
			})
		}
	}
	check("flush", client.Flush(ctx))
}

func read(ctx context.Context, bootstrap, topic, codecName string, idempotent bool, records int, isolation kgo.IsolationLevel) {
	at := map[int32]kgo.Offset{}
	for p := int32(0); p < partitions; p++ {
		at[p] = kgo.NewOffset().At(0)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}), kgo.FetchIsolationLevel(isolation))
	check("consumer", err)
	defer client.Close()
	next := make([]int, partitions)
	for seen := 0; seen < records; {
		fetches := client.PollFetches(ctx)
		fetches.EachError(func(_ string, p int32, err error) { fail("reading partition %d: %v", p, err) })
		fetches.EachRecord(func(r *kgo.Record) {
			i := next[r.Partition]
			next[r.Partition]++
			seen++
			switch {
			case r.Offset != int64(i):
				fail("offset %d, want %d", r.Offset, i)
			case !bytes.Equal(r.Key, key(i)) || !bytes.Equal(r.Value, value(i)):
				fail("record %d: key %q value %q", i, r.Key, r.Value)
			case len(r.Headers) != 1 || r.Headers[0].Key != "n" || string(r.Headers[0].Value) != strconv.Itoa(i):
				fail("record %d: headers %v", i, r.Headers)
			case r.Timestamp.UnixMilli() != baseMs+int64(i):
				fail("record %d: timestamp %d", i, r.Timestamp.UnixMilli())
			case codecs[r.Attrs.CompressionType()] != codecName:
				fail("record %d: compressed with %s", i, codecs[r.Attrs.CompressionType()])
			case (r.ProducerID >= 0) != idempotent:
				fail("record %d: producer id %d", i, r.ProducerID)
			}
		})
	}
}

func listOffsets(ctx context.Context, admin *kadm.Client, topic string, records int) {
	after, err := admin.ListOffsetsAfterMilli(ctx, baseMs+int64(records/4), topic)
	check("offsets by time", err)
	ends, err := admin.ListEndOffsets(ctx, topic)
	check("end offsets", err)
	starts, err := admin.ListStartOffsets(ctx, topic)
	check("start offsets", err)
	for p := int32(0); p < partitions; p++ {
		for what, pair := range map[string][2]int64{"by time": {offset(after, topic, p), int64(records / 4)}, "end": {offset(ends, topic, p), int64(records / partitions)}, "start": {offset(starts, topic, p), 0}} {
			if pair[0] != pair[1] {
				fail("offset %s of partition %d: %d, want %d", what, p, pair[0], pair[1])
			}
		}
	}
}

func offset(listed kadm.ListedOffsets, topic string, p int32) int64 {
	found, ok := listed.Lookup(topic, p)
	if !ok {
		return -2
	}
	check("listed offset", found.Err)
	return found.Offset
}

func main() {
	bootstrap, topic, codecName, idempotent := os.Args[1], os.Args[2], os.Args[3], os.Args[4] == "1"
	records, err := strconv.Atoi(os.Args[5])
	check("records", err)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	check("client", err)
	defer client.Close()
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, partitions, 1, nil, topic)
	check("create topic", err)
	write(ctx, bootstrap, topic, codecName, idempotent, records)
	read(ctx, bootstrap, topic, codecName, idempotent, records, kgo.ReadUncommitted())
	read(ctx, bootstrap, topic, codecName, idempotent, records, kgo.ReadCommitted())
	listOffsets(ctx, admin, topic, records)
	deleted, err := admin.DeleteTopics(ctx, topic)
	check("delete topic", err)
	check("delete topic", deleted.Error())
	for listed, err := admin.ListTopics(ctx); listed.Has(topic); listed, err = admin.ListTopics(ctx) {
		check("the topic is still listed after its deletion", err)
		time.Sleep(50 * time.Millisecond)
	}
	version := "?"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/twmb/franz-go" {
				version = dep.Version
			}
		}
	}
	fmt.Println("ok franz-go", version)
}
