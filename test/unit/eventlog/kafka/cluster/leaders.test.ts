import { parseConfig } from '../../../../../src/config';
import type { BrokerLinks } from '../../../../../src/eventlog/kafka/cluster/broker-links';
import type { LedPartition } from '../../../../../src/eventlog/kafka/cluster/cluster';
import { type BoundsQuery, Leaders } from '../../../../../src/eventlog/kafka/cluster/leaders';
import { ERROR_CODE } from '../../../../../src/eventlog/kafka/protocol/protocol-error';
import { until } from '../../../../support/until';

const { kafka } = parseConfig({
  KAFKA_BROKERS: 'a:1',
  KAFKA_RETRY_MIN_MS: '5',
  KAFKA_RETRY_MAX_MS: '10',
});

/** A partition number says who leads it: 0 to 9 broker `a`, 10 to 19 `b`, 20 and on nobody. */
function led(partition: number): LedPartition {
  const host = ['a', 'b'][Math.floor(partition / 10)];
  const leader = host === undefined ? null : { host, port: 1 };
  return { topic: 't', partition, topicId: '00', leader, leaderEpoch: 1 };
}

/** Brokers that lead what `led` says, and what they are asked. */
function brokers() {
  const asked: string[] = [];
  const away = new Set<string>();
  const errors = new Map<number, number>();
  const closing = new AbortController();
  const links = {
    async ping(address: { host: string }) {
      await links.get({ ...address, port: 1 });
    },
    async get({ host }: { host: string }) {
      asked.push(host);
      if (away.has(host)) throw new Error(`${host} refuses`);
      return {
        async send({ apiName }: { apiName: string }) {
          const first = host === 'a' ? 0 : 10;
          const partitions = Array.from({ length: 10 }, (_, i) => first + i).map((partition) => ({
            topic: 't',
            partition,
            errorCode: errors.get(partition) ?? ERROR_CODE.NONE,
            offset: BigInt(partition),
          }));
          return apiName === 'ListOffsets' ? { offsets: partitions } : { partitions };
        },
      };
    },
  } as unknown as BrokerLinks;
  let stale = 0;
  const leaders = new Leaders({
    kafka,
    links,
    signal: closing.signal,
    isMember: () => true,
    onStale: () => stale++,
  });
  const ask = (numbers: readonly number[], query: BoundsQuery = {}) =>
    leaders.bounds(numbers.map(led), query);
  return {
    asked,
    away,
    errors,
    leaders,
    ask,
    stale: () => stale,
    async close() {
      closing.abort();
      await leaders.ended();
    },
  };
}

const numbersOf = (found: readonly { partition: number }[]) => found.map(({ partition }) => partition);

describe('the bounds of partitions', () => {
  it('gives what can be had, in order, and says why the rest cannot', async () => {
    const { ask, errors, stale, close } = brokers();
    errors.set(1, ERROR_CODE.TOPIC_AUTHORIZATION_FAILED).set(12, ERROR_CODE.NOT_LEADER_OR_FOLLOWER);
    const { partitions, unavailable } = await ask([20, 12, 11, 2, 1]);
    expect(partitions).toEqual([
      { topic: 't', partition: 11, topicId: '00', logStart: 11n, logEnd: 11n },
      { topic: 't', partition: 2, topicId: '00', logStart: 2n, logEnd: 2n },
    ]);
    expect(unavailable).toEqual([
      { topic: 't', partition: 20, topicId: '00', reason: 'unreachable' },
      { topic: 't', partition: 12, topicId: '00', reason: 'unreachable' },
      { topic: 't', partition: 1, topicId: '00', reason: 'forbidden' },
    ]);
    // A broker that leads a partition no more says that the view is old; a missing right does not.
    expect(stale()).toBe(1);
    await close();
  });

  it('asks a leader that is away once, and again only in the background, until it is back', async () => {
    const { ask, asked, away, leaders, stale, close } = brokers();
    away.add('b');
    expect(numbersOf((await ask([1, 11])).partitions)).toEqual([1]);
    expect(leaders.failureOf({ host: 'b', port: 1 })?.message).toBe('b refuses');
    const before = asked.filter((host) => host === 'a').length;
    for (let i = 0; i < 100; i++) expect(numbersOf((await ask([1, 11])).unavailable)).toEqual([11]);
    expect(asked.filter((host) => host === 'a').length).toBe(before + 100);
    expect(asked.filter((host) => host === 'b').length).toBeLessThan(50);
    await until(() => asked.filter((host) => host === 'b').length > 2, 'it is asked in the background');
    away.delete('b');
    await until(() => stale() === 1, 'it is back');
    expect(leaders.failureOf({ host: 'b', port: 1 })).toBeNull();
    expect(numbersOf((await ask([1, 11])).partitions)).toEqual([1, 11]);
    await close();
  });
});
