// Asks the producer of Apache Kafka where records without a key go. `sticky-java-4.3.1.txt` is what it says:
//
//     javac -cp kafka-clients-4.3.1.jar -d out StickyPartitions.java
//     java -ea -cp kafka-clients-4.3.1.jar:slf4j-api-1.7.36.jar:out org.apache.kafka.clients.producer.internals.StickyPartitions
//
// It stands in the package of the accumulator to give that a partitioner without chance: the n-th draw is n.
package org.apache.kafka.clients.producer.internals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;

public final class StickyPartitions {
    private static final String TOPIC = "t";
    private static final int PARTITIONS = 400;

    public static void main(String[] args) throws InterruptedException {
        System.out.println("# Of kafka-clients 4.3.1, by StickyPartitions.java; the n-th draw of the partitioner is n.");
        System.out.println("# script BATCH.SIZE: V=n is a value of V bytes without a key, which went to partition n; V@n was sent to partition n; drain empties every queue.");
        Random random = new Random(794);
        for (int n = 0; n < 150; n++) script(random);
        System.out.println("# weights QUEUES...: PARTITIONS... for each draw below the sum of the weights.");
        for (int n = 0; n < 60; n++) weights(random);
    }

    private static void script(Random random) throws InterruptedException {
        int batchSize = 200 + random.nextInt(2000);
        int largest = 1 + random.nextInt(random.nextInt(8) == 0 ? 2 * batchSize : batchSize);
        int drains = 2 + random.nextInt(12);
        int placed = 2 + random.nextInt(12);
        Accumulator accumulator = new Accumulator(batchSize);
        Cluster cluster = cluster(PARTITIONS);
        StringBuilder line = new StringBuilder("script " + batchSize + ":");
        for (int n = 0; n < 60; n++) {
            if (random.nextInt(drains) == 0) {
                for (int p = 0; p < PARTITIONS; p++) {
                    var queue = accumulator.getDeque(new TopicPartition(TOPIC, p));
                    if (queue != null) queue.clear();
                }
                line.append(" drain");
                continue;
            }
            int value = random.nextInt(largest);
            boolean asked = random.nextInt(placed) == 0;
            int wanted = asked ? Math.max(0, accumulator.draws - 1) : RecordMetadata.UNKNOWN_PARTITION;
            int[] went = {-1};
            var callbacks = new RecordAccumulator.AppendCallbacks() {
                @Override public void setPartition(int partition) { went[0] = partition; }
                @Override public void onCompletion(RecordMetadata metadata, Exception exception) { }
            };
            accumulator.append(TOPIC, wanted, 1_700_000_000_000L, null, new byte[value], null, callbacks, 1_000, 0, cluster);
            line.append(' ').append(value).append(asked ? '@' : '=').append(went[0]);
        }
        System.out.println(line);
    }

    private static void weights(Random random) {
        int count = 2 + random.nextInt(6);
        int[] queues = random.ints(count, 0, 1 + random.nextInt(6)).toArray();
        StringBuilder line = new StringBuilder("weights");
        for (int queue : queues) line.append(' ').append(queue);
        line.append(':');
        int longest = 0;
        int sum = 0;
        for (int queue : queues) longest = Math.max(longest, queue);
        for (int queue : queues) sum += longest + 1 - queue;
        for (int draw = 0; draw < sum; draw++) {
            Partitioner partitioner = new Partitioner(1, null);
            partitioner.next = draw;
            int[] ids = new int[count];
            for (int p = 0; p < count; p++) ids[p] = p;
            partitioner.updatePartitionLoadStats(queues.clone(), ids, count);
            line.append(' ').append(partitioner.peekCurrentPartitionInfo(cluster(count)).partition());
        }
        System.out.println(line);
    }

    private static Cluster cluster(int partitions) {
        Node node = new Node(0, "localhost", 9092);
        Node[] nodes = {node};
        List<PartitionInfo> all = new ArrayList<>();
        for (int p = 0; p < partitions; p++) all.add(new PartitionInfo(TOPIC, p, node, nodes, nodes));
        return new Cluster("c", List.of(node), all, Set.of(), Set.of());
    }

    private static final class Partitioner extends BuiltInPartitioner {
        private final Accumulator owner;
        private int next;

        Partitioner(int batchSize, Accumulator owner) {
            super(new LogContext(), TOPIC, batchSize);
            this.owner = owner;
        }

        @Override int randomPartition() {
            if (owner == null) return next;
            return owner.draws++;
        }
    }

    private static final class Accumulator extends RecordAccumulator {
        private int draws;

        Accumulator(int batchSize) {
            super(new LogContext(), batchSize, Compression.NONE, 1_000, 100, 1_000, 100_000, new Metrics(), "m", Time.SYSTEM, null,
                new BufferPool(1L << 30, batchSize, new Metrics(), Time.SYSTEM, "m"));
        }

        @Override BuiltInPartitioner createBuiltInPartitioner(LogContext context, String topic, int batchSize) {
            return new Partitioner(batchSize, this);
        }
    }
}
