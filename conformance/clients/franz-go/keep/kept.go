package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}

// written is how many records each partition of `kept` has.
func (l *Life) written() int { return l.state.Records * len(l.state.Lives) }

func (l *Life) total() int {
	total := int64(0)
	for _, end := range l.state.Ends {
		total += end
	}
	return int(total)
}

// record i of a partition: 2 KB, half of which is noise, so that segments fill whatever the codec.
func (l *Life) record(topic string, partition int32, i int) *kgo.Record {
	noise := make([]byte, 1000)
	rand.New(rand.NewSource(int64(i))).Read(noise)
	return &kgo.Record{Topic: topic, Partition: partition, Key: []byte(fmt.Sprintf("k%d", i%100)),
		Value: []byte(fmt.Sprintf("v%d:%x", i, noise)), Timestamp: time.UnixMilli(l.state.BaseMs + int64(i)),
		Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(fmt.Sprint(i))}, {Key: "none"}}}
}

// writeKept writes half without and an eighth with each codec, each by a producer of its own.
func (l *Life) writeKept() {
	count := l.state.Records
	at := count * (len(l.state.Lives) - 1)
	for n, codec := range []string{"gzip", "snappy", "lz4", "zstd", "none"} {
		until := at + count/8
		if n == len(codecs)-1 {
			until = count * len(l.state.Lives)
		}
		l.send(codec, at, until)
		at = until
	}
}

func (l *Life) send(codec string, from, until int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.bootstrap), kgo.ProducerBatchCompression(codecs[codec]), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	check("producer", err)
	defer client.Close()
	for i := from; i < until; i++ {
		for p := int32(0); p < 2; p++ {
			client.Produce(l.ctx, l.record(kept, p, i), func(r *kgo.Record, err error) {
				check("produce", err)
				expect("acknowledged offset", r.Offset, int64(i))
			})
		}
	}
	check("flush", client.Flush(l.ctx))
}

func (l *Life) compareKept() {
	for p := int32(0); p < 2; p++ {
		i := 0
		l.read(kept, p, l.written(), kgo.ReadUncommitted(), func(got *kgo.Record) {
			expect("offset", got.Offset, int64(i))
			same(got, l.record(kept, p, i))
			i++
		})
	}
}

func same(got, want *kgo.Record) {
	switch {
	case !bytes.Equal(got.Key, want.Key):
		fail("%s-%d at %d: key %q, want %q", got.Topic, got.Partition, got.Offset, got.Key, want.Key)
	case !bytes.Equal(got.Value, want.Value):
		fail("%s-%d at %d: value %.20q, want %.20q", got.Topic, got.Partition, got.Offset, got.Value, want.Value)
	case got.Timestamp.UnixMilli() != want.Timestamp.UnixMilli():
		fail("%s-%d at %d: timestamp %d, want %d", got.Topic, got.Partition, got.Offset, got.Timestamp.UnixMilli(), want.Timestamp.UnixMilli())
	case fmt.Sprintf("%q", got.Headers) != fmt.Sprintf("%q", want.Headers):
		fail("%s-%d at %d: headers %q, want %q", got.Topic, got.Partition, got.Offset, got.Headers, want.Headers)
	}
}

// read hands the first `count` records of a partition to `each`.
func (l *Life) read(topic string, partition int32, count int, isolation kgo.IsolationLevel, each func(*kgo.Record)) {
	from := map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(0)}}
	client, err := kgo.NewClient(kgo.SeedBrokers(l.bootstrap), kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(isolation))
	check("consumer", err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(l.ctx, 2*time.Minute)
	defer cancel()
	for seen := 0; seen < count; {
		fetches := client.PollFetches(ctx)
		fetches.EachError(func(_ string, p int32, err error) {
			fail("reading %s-%d after %d of %d records: %v", topic, p, seen, count, err)
		})
		fetches.EachRecord(func(r *kgo.Record) {
			if seen++; seen <= count {
				each(r)
			}
		})
	}
}
