package main

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	kept     = "kept"     // records of every codec, with idempotence
	sequence = "sequence" // one producer through all lives
	fates    = "fates"    // transactions
	cut      = "cut"      // records deleted from its front
)

// Small segments, so that each log has several.
var configuration = map[string]map[string]string{
	kept:     {"segment.bytes": "1048576", "retention.ms": "-1", "max.message.bytes": "2000000"},
	sequence: {"retention.ms": "864000000", "cleanup.policy": "delete"},
	fates:    {"segment.bytes": "1048576", "retention.ms": "-1"},
	cut:      {},
	"empty":  {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.25"},
}

var partitions = map[string]int{kept: 2, sequence: 1, fates: 1, cut: 1, "empty": 3}

var all = []string{kept, sequence, fates, cut, "empty"}

func (l *Life) create() {
	for topic, count := range partitions {
		_, err := l.admin.CreateTopic(l.ctx, int32(count), 1, pointers(configuration[topic]), topic)
		check("create "+topic, err)
	}
	_, err := l.admin.CreateTopic(l.ctx, 2, 1, nil, "gone")
	check("create gone", err)
	// One key is altered and one deleted after the creation.
	_, err = l.admin.AlterTopicConfigs(l.ctx, []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("777600000")},
		{Op: kadm.DeleteConfig, Name: "cleanup.policy"},
	}, sequence)
	check("alter sequence", err)
	_, err = l.admin.DeleteTopic(l.ctx, "gone")
	check("delete gone", err)
	l.awaitDeletion("gone")
	l.state.TopicIDs = map[string]string{}
	l.awaitLeaders()
	listed, err := l.admin.ListTopics(l.ctx)
	check("topics", err)
	for _, topic := range listed.Sorted() {
		l.state.TopicIDs[topic.Topic] = topic.ID.String()
	}
}

func pointers(configs map[string]string) map[string]*string {
	all := map[string]*string{}
	for key, value := range configs {
		all[key] = kadm.StringPtr(value)
	}
	return all
}

// awaitLeaders waits for every topic to be led: a server that was killed may have to wait for the end of its own session.
func (l *Life) awaitLeaders() {
	for ; ; time.Sleep(50 * time.Millisecond) {
		listed, err := l.admin.ListTopics(l.ctx)
		check("topics", err)
		led := 0
		for topic, count := range partitions {
			detail, known := listed[topic]
			if known && detail.Err == nil && len(detail.Partitions) == count {
				led++
			}
			for _, p := range detail.Partitions {
				if p.Leader < 0 {
					led--
					break
				}
			}
		}
		if led == len(partitions) {
			return
		}
	}
}

// awaitDeletion waits until the broker has heard of it: the controller's answer may come first. What was changed before is known then, too.
func (l *Life) awaitDeletion(topic string) {
	for ; ; time.Sleep(20 * time.Millisecond) {
		listed, err := l.admin.ListTopics(l.ctx)
		check("topics", err)
		if !listed.Has(topic) {
			return
		}
	}
}

func (l *Life) compareTopics() {
	listed, err := l.admin.ListTopics(l.ctx)
	check("topics", err)
	var got, want []string
	for _, topic := range listed.Sorted() {
		if !topic.IsInternal {
			got = append(got, fmt.Sprintf("%s %s %d", topic.Topic, topic.ID, len(topic.Partitions)))
		}
	}
	for topic, count := range partitions {
		want = append(want, fmt.Sprintf("%s %s %d", topic, l.state.TopicIDs[topic], count))
	}
	sort.Strings(want)
	expect("topics, ids and partitions", strings.Join(got, ", "), strings.Join(want, ", "))
}

func (l *Life) compareConfiguration() {
	for topic := range partitions {
		found, err := l.admin.DescribeTopicConfigs(l.ctx, topic)
		check("configuration", err)
		resource, err := found.On(topic, nil)
		check("configuration of "+topic, err)
		check("configuration of "+topic, resource.Err)
		var got []string
		for _, config := range resource.Configs {
			if config.Source == kmsg.ConfigSourceDynamicTopicConfig {
				got = append(got, config.Key+"="+config.MaybeValue())
			}
		}
		sort.Strings(got)
		expect("configuration of "+topic, strings.Join(got, " "), strings.Join(wanted(topic), " "))
	}
}

func wanted(topic string) []string {
	var all []string
	for key, value := range configuration[topic] {
		switch topic + " " + key {
		case sequence + " retention.ms":
			value = "777600000"
		case sequence + " cleanup.policy":
			continue
		}
		all = append(all, key+"="+value)
	}
	sort.Strings(all)
	return all
}

// remember asks for what the next life is held against.
func (l *Life) remember() {
	l.state.Ends, l.state.Stables = l.ends(), l.stables()
	l.state.Producers = l.producers()
	l.state.Starts = l.starts()
}

func (l *Life) starts() map[string]int64 {
	listed, err := l.admin.ListStartOffsets(l.ctx, all...)
	check("start offsets", err)
	return offsets(listed)
}

// writeCut adds records and deletes all but the newest.
func (l *Life) writeCut() {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	check("producer", err)
	defer client.Close()
	var end int64
	for i := range 20 {
		client.Produce(l.ctx, l.record(cut, 0, i), func(r *kgo.Record, err error) {
			check("produce", err)
			end = r.Offset + 1
		})
	}
	check("flush", client.Flush(l.ctx))
	before := kadm.Offsets{}
	before.AddOffset(cut, 0, end-5, -1)
	deleted, err := l.admin.DeleteRecords(l.ctx, before)
	check("delete records", err)
	check("delete records", deleted.Error())
	expect("log start after records were deleted", l.starts()[cut+"-0"], end-5)
}

// compareStarts knows that Apache Kafka writes down the starts of logs once a minute: a kill may take it back.
func (l *Life) compareStarts() {
	got := l.starts()
	for partition, want := range l.state.Starts {
		if n := len(l.state.Lives); l.state.Lives[n-1] == "kafka" && l.state.Killed && got[partition] < want {
			continue
		}
		expect("log start of "+partition, got[partition], want)
	}
}

func (l *Life) ends() map[string]int64 {
	listed, err := l.admin.ListEndOffsets(l.ctx, all...)
	check("end offsets", err)
	return offsets(listed)
}

func (l *Life) stables() map[string]int64 {
	listed, err := l.admin.ListCommittedOffsets(l.ctx, all...)
	check("stable offsets", err)
	return offsets(listed)
}

func offsets(listed kadm.ListedOffsets) map[string]int64 {
	found := map[string]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		check("listed offset", o.Err)
		found[fmt.Sprintf("%s-%d", o.Topic, o.Partition)] = o.Offset
	})
	return found
}

func (l *Life) compareOffsets() {
	ends, stables := l.ends(), l.stables()
	for partition, want := range l.state.Ends {
		expect("log end of "+partition, ends[partition], want)
		expect("stable end of "+partition, stables[partition], l.state.Stables[partition])
	}
	l.compareStarts()
	// Every record of a partition has its own timestamp.
	for i := 0; i < l.written(); i += l.written()/4 + 1 {
		found, err := l.admin.ListOffsetsAfterMilli(l.ctx, l.state.BaseMs+int64(i), kept)
		check("offsets by time", err)
		for partition, got := range offsets(found) {
			expect(fmt.Sprintf("offset of record %d by its time in %s", i, partition), got, int64(i))
		}
	}
}

// producers is all that DescribeProducers says of each partition.
func (l *Life) producers() map[string]string {
	set := kadm.TopicsSet{}
	for topic, count := range partitions {
		for p := range count {
			set.Add(topic, int32(p))
		}
	}
	described, err := l.admin.DescribeProducers(l.ctx, set)
	check("producers", err)
	all := map[string]string{}
	described.EachPartition(func(p kadm.DescribedProducersPartition) {
		check("producers", p.Err)
		var rows []string
		for _, d := range p.ActiveProducers.Sorted() {
			rows = append(rows, fmt.Sprintf("%d:%d sequence %d time %d coordinator %d from %d", d.ProducerID, d.ProducerEpoch, d.LastSequence,
				d.LastTimestamp-l.state.BaseMs, d.CoordinatorEpoch, d.CurrentTxnStartOffset))
		}
		all[fmt.Sprintf("%s-%d", p.Topic, p.Partition)] = strings.Join(rows, ", ")
	})
	return all
}

func (l *Life) compareProducers() {
	got := l.producers()
	for _, partition := range []string{kept + "-0", kept + "-1", sequence + "-0"} {
		if l.state.Producers[partition] == "" {
			fail("no producer of %s is known", partition)
		}
	}
	for partition, want := range l.state.Producers {
		expect("producers of "+partition, got[partition], want)
	}
}
