//! Foreign clients and tools run against the real server, and against Apache Kafka beside it.
