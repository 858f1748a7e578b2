"""The story of clients/README.md, told by confluent-kafka (librdkafka)."""

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
            producer.produce(topic, value(i), key(i), partition=partition, timestamp=BASE_MS + i,
                             headers=[("n", str(i).encode())], on_delivery=delivered)
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
    asked = {
        TopicPartition(topic, 0): OffsetSpec.earliest(),
        TopicPartition(topic, 1): OffsetSpec.max_timestamp(),
    }
    for partition, future in admin.list_offsets(asked).items():
        want = 0 if partition.partition == 0 else records // PARTITIONS - 1
        expect(f"listed offset of partition {partition.partition}", future.result(30).offset, want)


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
        admin.delete_topics([topic])[topic].result(30)
    except KafkaException as error:
        raise SystemExit(f"failed: {error}") from error
    print(f"ok confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}")


if __name__ == "__main__":
    main()
