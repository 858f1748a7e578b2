"""What must survive the change from one server to another: `keep.py write|check|continue BOOTSTRAP RECORDS`."""

import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
CONFIG = {"segment.bytes": "1048576", "retention.ms": "-1", "max.message.bytes": "2000000"}
MORE = 10


def expect(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: got {got!r}, want {want!r}")


def value(codec, i):
    return f"{codec}:{i}:{'x' * 100}".encode()


def admin_of(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap})


def send(bootstrap, codec, numbers):
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": True, "linger.ms": 10})
    errors = []
    for i in numbers:
        for partition in (0, 1):
            producer.produce("kept", value(codec, i), f"k{i}".encode(), partition=partition, timestamp=1_700_000_000_000 + i,
                             on_delivery=lambda error, _: errors.append(str(error)) if error else None)
        producer.poll(0)
    expect("unsent records", producer.flush(60), 0)
    expect("delivery errors", errors[:3], [])


def write(bootstrap, records):
    admin = admin_of(bootstrap)
    topics = [NewTopic("kept", 2, 1, config=CONFIG), NewTopic("gone", 1, 1), NewTopic("empty", 3, 1)]
    for future in admin.create_topics(topics).values():
        future.result(30)
    for codec in CODECS:
        send(bootstrap, codec, range(records))
    admin.delete_topics(["gone"])["gone"].result(30)


def check(bootstrap, records, more=0):
    admin = admin_of(bootstrap)
    deadline = time.monotonic() + 60
    while True:  # a server that has just recovered may still be electing
        topics = {name: topic for name, topic in admin.list_topics(timeout=30).topics.items() if not name.startswith("__")}
        ready = "kept" in topics and all(p.leader >= 0 for topic in topics.values() for p in topic.partitions.values())
        if ready or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    expect("topics", {name: len(topic.partitions) for name, topic in topics.items()}, {"kept": 2, "empty": 3})
    resource = ConfigResource(ResourceType.TOPIC, "kept")
    found = admin.describe_configs([resource])[resource].result(30)
    expect("configuration", {key: found[key].value for key in CONFIG}, CONFIG)

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "keep", "enable.auto.commit": False, "auto.offset.reset": "error", "check.crcs": True})
    consumer.assign([TopicPartition("kept", p, 0) for p in (0, 1)])
    want = [value(codec, i) for codec in CODECS for i in range(records)] + [value("zstd", records + i) for i in range(more)]
    read = {0: [], 1: []}
    deadline = time.monotonic() + 120
    while min(len(values) for values in read.values()) < len(want) and time.monotonic() < deadline:
        for message in consumer.consume(10_000, 1.0):
            if message.error():
                raise SystemExit(f"reading: {message.error()}")
            expect("offset", message.offset(), len(read[message.partition()]))
            read[message.partition()].append(message.value())
    for partition in (0, 1):
        expect(f"records of partition {partition}", len(read[partition]), len(want))
        expect(f"values of partition {partition} are equal", read[partition] == want, True)
    consumer.close()
    print(f"topics, configuration, {2 * len(want)} records and producers intact")


def main():
    verb, bootstrap, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        if verb == "write":
            write(bootstrap, records)
        elif verb == "check":
            check(bootstrap, records)
        else:
            send(bootstrap, "zstd", range(records, records + MORE))
            check(bootstrap, records, MORE)
    except KafkaException as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
