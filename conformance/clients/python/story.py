"""The story of clients/README.md, told by confluent-kafka (librdkafka)."""

import os
import sys
import time

import confluent_kafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

BASE_MS = 1_700_000_000_000
PARTITIONS = 2
FILLER = "abcdefghij" * 8


def key(i):
    return f"k{i % 1000}".encode()


def value(i):
    return f"v{i}:{FILLER}".encode()


def expect(what, got, want):
    if got != want:
        raise SystemExit(f"failed: {what}: got {got!r}, want {want!r}")


def bend(i, partition, records, record):
    """Where BEND names a part of a record, one record is written otherwise than told, and the story must fail."""
    middle = records // PARTITIONS // 2
    what = os.environ.get("BEND")
    if partition != 1 or i not in (middle, middle + 1):
        return record
    if what == "order":
        other = middle + 1 if i == middle else middle
        return {**record, "key": key(other), "value": value(other)}
    if i == middle:
        bent = {"key": b"bent", "value": record["value"] + b"!", "headers": [("n", b"bent")], "timestamp": record["timestamp"] + 1}
        return {**record, **{name: bent[name] for name in bent if name == what}}
    return record


def create(admin, topic):
    future = admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1)])[topic]
    future.result(30)


def write(bootstrap, topic, codec, idempotent, records):
    producer = Producer({
        "bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": idempotent,
        "acks": "all", "linger.ms": 20, "queue.buffering.max.messages": 1_000_000,
    })
    offsets = [[] for _ in range(PARTITIONS)]
    errors = []

    def delivered(error, message):
        if error:
            errors.append(str(error))
        else:
            offsets[message.partition()].append(message.offset())

    for i in range(records // PARTITIONS):
        for partition in range(PARTITIONS):
            record = {"value": value(i), "key": key(i), "timestamp": BASE_MS + i, "headers": [("n", str(i).encode())]}
            producer.produce(topic, partition=partition, on_delivery=delivered, **bend(i, partition, records, record))
        producer.poll(0)
    expect("records left after the flush", producer.flush(120), 0)
    expect("delivery errors", errors[:3], [])
    for partition in range(PARTITIONS):
        expect(f"acknowledged offsets of partition {partition}", offsets[partition], list(range(records // PARTITIONS)))


def read(bootstrap, topic, records, isolation):
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "story", "enable.auto.commit": False,
        "auto.offset.reset": "error", "isolation.level": isolation, "check.crcs": True,
    })
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    upcoming = [0] * PARTITIONS
    deadline = time.monotonic() + 120
    while sum(upcoming) < records:
        if time.monotonic() > deadline:
            raise SystemExit(f"failed: read {upcoming} of {records} records in 120 s")
        for message in consumer.consume(10_000, 1.0):
            if message.error():
                raise SystemExit(f"failed: reading: {message.error()}")
            i = upcoming[message.partition()]
            upcoming[message.partition()] += 1
            expect("offset", message.offset(), i)
            expect("key", message.key(), key(i))
            expect("value", message.value(), value(i))
            expect("headers", message.headers(), [("n", str(i).encode())])
            expect("timestamp", message.timestamp(), (confluent_kafka.TIMESTAMP_CREATE_TIME, BASE_MS + i))
    found = consumer.offsets_for_times([TopicPartition(topic, 0, BASE_MS + records // 4)], 30)
    expect("offset by time", found[0].offset, records // 4)
    expect("watermarks", consumer.get_watermark_offsets(TopicPartition(topic, 1), 30), (0, records // PARTITIONS))
    consumer.close()


def list_offsets(admin, topic, records):
    last = records // PARTITIONS - 1
    for partition in range(PARTITIONS):
        for spec, want in [
            (OffsetSpec.earliest(), 0), (OffsetSpec.latest(), last + 1), (OffsetSpec.max_timestamp(), last),
            (OffsetSpec.for_timestamp(BASE_MS), 0), (OffsetSpec.for_timestamp(BASE_MS + last // 2), last // 2), (OffsetSpec.for_timestamp(BASE_MS + last + 1), -1),
        ]:
            asked = TopicPartition(topic, partition)
            found = admin.list_offsets({asked: spec})[asked].result(30).offset
            expect(f"listed offset of partition {partition} for {spec}", found, want)


def delete(admin, topic):
    admin.delete_topics([topic])[topic].result(30)
    deadline = time.monotonic() + 30
    while topic in admin.list_topics(timeout=30).topics:
        if time.monotonic() > deadline:
            raise SystemExit("failed: the topic is still listed 30 s after its deletion")
        time.sleep(0.05)


def main():
    bootstrap, topic, codec, idempotent, records = sys.argv[1:6]
    records = int(records)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    try:
        create(admin, topic)
        write(bootstrap, topic, codec, idempotent == "1", records)
        read(bootstrap, topic, records, "read_uncommitted")
        read(bootstrap, topic, records, "read_committed")
        list_offsets(admin, topic, records)
        delete(admin, topic)
    except KafkaException as error:
        raise SystemExit(f"failed: {error}") from error
    print(f"ok confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}")


if __name__ == "__main__":
    main()
