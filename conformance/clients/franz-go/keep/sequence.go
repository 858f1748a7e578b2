package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	batchRecords = 3
	batchesALife = 4
)

// Sequence is a producer that does not notice that servers change: it goes on with its id, its epoch and its next sequence number.
type Sequence struct {
	ID    int64
	Epoch int16
	Next  int32
}

// writeSequence repeats the last batch of the life before (a duplicate), leaves a gap (refused), and goes on.
func (l *Life) writeSequence() {
	s := &l.state.Sequence
	if len(l.state.Lives) == 1 {
		request := kmsg.NewPtrInitProducerIDRequest()
		request.TransactionTimeoutMillis = -1
		answer, err := request.RequestWith(l.ctx, l.client)
		check("producer id", err)
		check("producer id", kerr.ErrorForCode(answer.ErrorCode))
		s.ID, s.Epoch = answer.ProducerID, answer.ProducerEpoch
	} else {
		code, offset := l.produceSequence(s.Next - batchRecords)
		check("the last batch again, as a duplicate", kerr.ErrorForCode(code))
		expect("offset of the duplicate", offset, int64(s.Next)-batchRecords)
		code, _ = l.produceSequence(s.Next + batchRecords)
		expect("a gap in the sequence", fmt.Sprint(kerr.ErrorForCode(code)), fmt.Sprint(kerr.OutOfOrderSequenceNumber))
	}
	for range batchesALife {
		code, offset := l.produceSequence(s.Next)
		check("the next batch", kerr.ErrorForCode(code))
		expect("offset of the next batch", offset, int64(s.Next))
		s.Next += batchRecords
	}
}

// produceSequence sends the batch that begins with this sequence number, in bytes of its own: no client would.
func (l *Life) produceSequence(first int32) (int16, int64) {
	topic, partition := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	partition.Records = l.sequenceBatch(first)
	topic.Topic, topic.Partitions = sequence, append(topic.Partitions, partition)
	listed, err := l.admin.ListTopics(l.ctx, sequence)
	check("topics", err)
	topic.TopicID = listed[sequence].ID
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis, request.Topics = -1, 30_000, append(request.Topics, topic)
	answer, err := request.RequestWith(l.ctx, l.client)
	check("produce", err)
	told := answer.Topics[0].Partitions[0]
	return told.ErrorCode, told.BaseOffset
}

func (l *Life) sequenceBatch(first int32) []byte {
	var records []byte
	for i := range int32(batchRecords) {
		value := sequenceValue(int64(first + i))
		body := append([]byte{0, 0}, binary.AppendVarint(nil, int64(i))...)
		body = append(append(body, 1), append(binary.AppendVarint(nil, int64(len(value))), value...)...) // no key
		body = append(body, 0)                                                                           // no header
		records = append(append(records, binary.AppendVarint(nil, int64(len(body)))...), body...)
	}
	at := uint64(l.state.BaseMs + int64(first))
	sum := binary.BigEndian.AppendUint16(nil, 0)
	sum = binary.BigEndian.AppendUint32(sum, batchRecords-1)
	sum = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(sum, at), at)
	sum = binary.BigEndian.AppendUint64(sum, uint64(l.state.Sequence.ID))
	sum = binary.BigEndian.AppendUint16(sum, uint16(l.state.Sequence.Epoch))
	sum = binary.BigEndian.AppendUint32(sum, uint32(first))
	sum = append(binary.BigEndian.AppendUint32(sum, batchRecords), records...)
	batch := binary.BigEndian.AppendUint64(nil, 0)
	batch = binary.BigEndian.AppendUint32(batch, uint32(len(sum)+9))
	batch = append(binary.BigEndian.AppendUint32(batch, 0), 2) // leader epoch, magic
	batch = binary.BigEndian.AppendUint32(batch, crc32.Checksum(sum, crc32.MakeTable(crc32.Castagnoli)))
	return append(batch, sum...)
}

func sequenceValue(offset int64) string { return fmt.Sprintf("sequence %d", offset) }

func (l *Life) compareSequence() {
	next := int64(0)
	l.read(sequence, 0, int(l.state.Sequence.Next), kgo.ReadUncommitted(), func(r *kgo.Record) {
		expect("offset", r.Offset, next)
		expect("value of the sequence", string(r.Value), sequenceValue(next))
		next++
	})
	expect("log end of the sequence", l.state.Ends[sequence+"-0"], int64(l.state.Sequence.Next))
}
