import { parseConfig } from '../../../../src/config';
import type { PartitionBounds, TailListener } from '../../../../src/eventlog/event-log';
import type { ClusterView, LedPartition } from '../../../../src/eventlog/kafka/cluster/cluster';
import { createConnectionState } from '../../../../src/eventlog/kafka/connection-state';
import { KafkaTail } from '../../../../src/eventlog/kafka/kafka-tail';
import { createQuietLogger } from '../../../support/quiet-logger';
import { until } from '../../../support/until';

describe('the Kafka tail', () => {
  it('joins partitions that were found while others were joining', async () => {
    let view = viewOf(1);
    let answerBounds: () => void = () => undefined;
    const asked: number[][] = [];
    const cluster = {
      get view() {
        return view;
      },
      refresh: async () => view,
      layout: async () => ({
        clusterId: view.clusterId,
        partitions: view.partitions.map(boundsOf),
        unavailable: [],
      }),
      async bounds(partitions: readonly LedPartition[]) {
        asked.push(partitions.map(({ partition }) => partition));
        await new Promise<void>((resolve) => {
          answerBounds = resolve;
        });
        return { partitions: partitions.map(boundsOf), unavailable: [] };
      },
    };
    const added: number[] = [];
    let started = false;
    const listener: TailListener = {
      onStart(layout) {
        started = true;
        return layout.partitions.map(({ logEnd }) => logEnd);
      },
      onRecords: unexpected,
      onGap: unexpected,
      onReset: unexpected,
      onTruncated: unexpected,
      onPartitions: (partitions) => added.push(...partitions.map(({ partition }) => partition)),
    };
    const tail = new KafkaTail({
      watch: { failed: () => undefined, requestFailed: () => undefined, throttled: () => undefined },
      kafka: parseConfig({ KAFKA_BROKERS: 'localhost:1' }).kafka,
      topics: ['a'],
      logger: createQuietLogger(),
      cluster,
      listener,
      state: createConnectionState(() => undefined, 0),
    });
    try {
      await until(() => started, 'the tail started');
      view = viewOf(2);
      tail.follow(view);
      await until(() => asked.length === 1, 'the second partition is joining');
      view = viewOf(4);
      tail.follow(view);
      answerBounds();
      await until(() => asked.length === 2, 'the others are joining', 2_000);
      answerBounds();
      await until(() => added.length === 3, 'all joined');
      expect(asked).toEqual([[1], [2, 3]]);
      expect(added).toEqual([1, 2, 3]);
    } finally {
      answerBounds();
      await tail.close();
    }
  });
});

/** Without leaders nothing is fetched. */
function viewOf(count: number): ClusterView {
  return {
    clusterId: 'a cluster',
    partitions: Array.from({ length: count }, (_, partition) => ({
      topic: 'a',
      partition,
      topicId: '0'.repeat(32),
      leader: null,
      leaderEpoch: 0,
    })),
    faults: new Map(),
    rights: new Map(),
  };
}

function boundsOf({ topic, partition, topicId }: LedPartition): PartitionBounds {
  return { topic, partition, topicId, logStart: 0n, logEnd: 5n };
}

function unexpected(): never {
  throw new Error('an unexpected call');
}
