package main

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TransactionWrite is a record of the topic `fates`, and what became of it.
type TransactionWrite struct {
	Offset int64
	N      int
	Fate   string
}

const (
	plain     = "plain"
	committed = "committed"
	aborted   = "aborted"
	open      = "open"
)

// writeTransactions leaves committed and aborted records of two producers between each other, and a transaction that is still open.
// One that an earlier life left open ends here: its producer comes back and is fenced from it.
func (l *Life) writeTransactions() {
	count := l.state.Records / 4
	first, second := l.transactional("first"), l.transactional("second")
	defer first.Close()
	defer second.Close()
	l.begin(first)
	for n := range l.state.Writes {
		if l.state.Writes[n].Fate == open {
			l.state.Writes[n].Fate = aborted
		}
	}
	l.begin(second)
	l.add(first, count, committed)
	l.add(second, count, aborted)
	l.add(first, count, committed)
	l.end(second, kgo.TryAbort)
	l.end(first, kgo.TryCommit)
	l.writePlain()
	l.begin(second)
	l.begin(first)
	l.add(second, count, committed)
	l.add(first, 10, open)
	l.end(second, kgo.TryCommit)
	l.awaitMarkers()
}

func (l *Life) transactional(id string) *kgo.Client {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.bootstrap), kgo.TransactionalID(id), kgo.TransactionTimeout(15*time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	check("transactional producer", err)
	return client
}

// begin asks for the producer id at once: that is what ends an open transaction of the same name.
func (l *Life) begin(client *kgo.Client) {
	_, _, err := client.ProducerID(l.ctx)
	check("transactional producer id", err)
	check("begin", client.BeginTransaction())
}

func (l *Life) end(client *kgo.Client, how kgo.TransactionEndTry) {
	check("end", client.EndTransaction(l.ctx, how))
}

func (l *Life) writePlain() {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	check("producer", err)
	defer client.Close()
	l.add(client, 20, plain)
}

// add writes records and notes where each one came to lie.
func (l *Life) add(client *kgo.Client, count int, fate string) {
	for range count {
		n := len(l.state.Writes)
		l.state.Writes = append(l.state.Writes, TransactionWrite{Offset: -1, N: n, Fate: fate})
		client.Produce(l.ctx, l.record(fates, 0, n), func(r *kgo.Record, err error) {
			check("produce "+fate, err)
			l.state.Writes[n].Offset = r.Offset
		})
	}
	check("flush", client.Flush(l.ctx))
}

// awaitMarkers waits until the open transaction alone holds the stable end back: markers are written behind the answer.
func (l *Life) awaitMarkers() {
	for ; l.stables()[fates+"-0"] != l.firstOpen(); time.Sleep(20 * time.Millisecond) {
		if l.ctx.Err() != nil {
			fail("stable end of %s: got %d, want %d", fates, l.stables()[fates+"-0"], l.firstOpen())
		}
	}
}

// firstOpen is where the open transaction begins, −1 without one.
func (l *Life) firstOpen() int64 {
	for _, write := range l.state.Writes {
		if write.Fate == open {
			return write.Offset
		}
	}
	return -1
}

func (l *Life) compareTransactions() {
	writes := l.state.Writes
	sort.Slice(writes, func(a, b int) bool { return writes[a].Offset < writes[b].Offset })
	until := l.firstOpen()
	var visible []TransactionWrite
	for _, write := range writes {
		if (write.Fate == plain || write.Fate == committed) && (until < 0 || write.Offset < until) {
			visible = append(visible, write)
		}
	}
	l.compareFates("read_uncommitted", writes, kgo.ReadUncommitted())
	l.compareFates("read_committed", visible, kgo.ReadCommitted())
	if until >= 0 {
		expect("stable end of "+fates, l.state.Stables[fates+"-0"], until)
		expect("bytes for read_committed from the stable end on", l.fetchCommitted(until), 0)
	}
}

func (l *Life) compareFates(isolation string, want []TransactionWrite, level kgo.IsolationLevel) {
	at := 0
	l.read(fates, 0, len(want), level, func(got *kgo.Record) {
		write := want[at]
		if got.Offset != write.Offset {
			fail("%s, record %d of %s: offset %d, want %d (%s)", isolation, at, fates, got.Offset, write.Offset, write.Fate)
		}
		same(got, l.record(fates, 0, write.N))
		at++
	})
}

// fetchCommitted is how many bytes a read_committed fetch gets from an offset.
func (l *Life) fetchCommitted(from int64) int {
	listed, err := l.admin.ListTopics(l.ctx, fates)
	check("topics", err)
	topic, partition := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	partition.FetchOffset, partition.PartitionMaxBytes, partition.CurrentLeaderEpoch = from, 1<<20, -1
	topic.Topic, topic.TopicID, topic.Partitions = fates, listed[fates].ID, append(topic.Partitions, partition)
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes, request.IsolationLevel = 10, 1, 1<<20, 1
	request.SessionEpoch = -1
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(l.ctx, l.client)
	check("fetch", err)
	return len(answer.Topics[0].Partitions[0].RecordBatches)
}

// summary of fates, for messages.
func summary(writes []TransactionWrite) string {
	counts := map[string]int{}
	for _, write := range writes {
		counts[write.Fate]++
	}
	var words []string
	for fate, count := range counts {
		words = append(words, fmt.Sprintf("%d %s", count, fate))
	}
	sort.Strings(words)
	return strings.Join(words, ", ")
}
