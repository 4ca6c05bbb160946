import type {
  ConnectionStatus,
  EventLog,
  PartitionStatus,
  Service,
  TopicPartition,
} from '../../../src/eventlog/event-log';
import { type LogWatch, startLogWatch } from '../../../src/status/log-watch';
import type { StreamStatus } from '../../../src/wire/gateway-events';
import { createQuietLogger } from '../../support/quiet-logger';
import { until } from '../../support/until';

type Consumer = Pick<ConnectionStatus, 'connected' | 'state'>;
type State = Service['state'];

const STARTING: Consumer = { connected: false, state: 'starting' };
const CONNECTED: Consumer = { connected: true, state: 'connected' };
const INTERRUPTED: Consumer = { connected: false, state: 'interrupted' };
const TOPICS = ['orders', 'trips', 'pets'];
const BASES: Record<string, string> = { orders: '/shop', trips: '/trips', pets: '/shop' };

const service = (state: State): Service => ({ state, since: 'then', detail: `it is ${state}` });

describe('startLogWatch', () => {
  const logger = createQuietLogger();
  let watch: LogWatch;
  let consumer: Consumer;
  let states: Record<string, State>;
  let looks: number;
  let heldBackSince: string | null;
  let told: [StreamStatus, string | null][];
  let unread: readonly TopicPartition[];

  beforeEach(() => {
    consumer = STARTING;
    states = {};
    looks = 0;
    heldBackSince = null;
    told = [];
    unread = [];
    logger.lines.length = 0;
    const log = {
      status() {
        looks++;
        const partitions = TOPICS.map(
          (topic) =>
            ({
              topic,
              partition: 7,
              read: service(states[topic] ?? 'ok'),
              lastStableOffset: 3n,
              heldBackSince: topic === 'trips' ? heldBackSince : null,
            }) as PartitionStatus,
        );
        const topics = partitions.map(({ topic, read }) => ({ topic, read, append: service('ok') }));
        return { consumer: { ...consumer, partitions }, topics };
      },
    } as unknown as EventLog;
    watch = startLogWatch({
      log,
      everyMs: 5,
      baseOf: (topic) => BASES[topic]!,
      heldBackMs: 60_000,
      onNews: (status, scope) => told.push([status, scope]),
      onUnread: (partitions) => {
        unread = partitions;
      },
      logger,
    });
  });

  afterEach(() => watch.stop());

  async function lookTwiceAt(state: Consumer, topics: Record<string, State> = {}): Promise<void> {
    consumer = state;
    states = topics;
    const before = looks;
    await until(() => looks > before + 2, 'it looked again');
  }

  it('announces each change once, and not the first connection', async () => {
    await lookTwiceAt(STARTING);
    await lookTwiceAt(CONNECTED);
    expect(told).toEqual([]);
    expect(watch.troubles().isAway).toBe(false);
    await lookTwiceAt(INTERRUPTED);
    expect(told).toEqual([[{ kafka: 'interrupted' }, null]]);
    expect(watch.troubles().isAway).toBe(true);
    await lookTwiceAt(CONNECTED);
    expect(told.slice(1)).toEqual([[{ kafka: 'ok' }, null]]);
    expect(watch.troubles().isAway).toBe(false);
  });

  it('announces an interruption without a connection before', async () => {
    await lookTwiceAt(STARTING);
    await lookTwiceAt(INTERRUPTED);
    expect(told).toEqual([[{ kafka: 'interrupted' }, null]]);
  });

  it('announces a topic to the streams concerned: unavailable, for another reason, and back', async () => {
    await lookTwiceAt(CONNECTED, { trips: 'interrupted' });
    expect(told).toEqual([[{ kafka: 'interrupted', topics: ['trips'], reason: 'unreachable' }, '/trips']]);
    expect(unread.map(({ topic }) => topic)).toEqual(['trips']);
    await lookTwiceAt(CONNECTED, { trips: 'forbidden' });
    // Looked up anew, it is not back yet.
    await lookTwiceAt(CONNECTED, { trips: 'starting' });
    await lookTwiceAt(CONNECTED);
    expect(told.slice(1)).toEqual([
      [{ kafka: 'interrupted', topics: ['trips'], reason: 'forbidden' }, '/trips'],
      [{ kafka: 'ok', topics: ['trips'] }, '/trips'],
    ]);
  });

  it('announces topics with the same base channel together', async () => {
    await lookTwiceAt(CONNECTED, { orders: 'missing', trips: 'missing', pets: 'missing' });
    expect(told).toEqual([
      [{ kafka: 'interrupted', topics: ['orders', 'pets'], reason: 'missing' }, '/shop'],
      [{ kafka: 'interrupted', topics: ['trips'], reason: 'missing' }, '/trips'],
    ]);
  });

  it('announces at reconnect which topics are still unavailable', async () => {
    await lookTwiceAt(CONNECTED, { trips: 'interrupted' });
    await lookTwiceAt(INTERRUPTED, { orders: 'interrupted', trips: 'interrupted', pets: 'interrupted' });
    await lookTwiceAt(CONNECTED, { trips: 'interrupted' });
    expect(told.slice(1)).toEqual([
      [{ kafka: 'interrupted' }, null],
      [{ kafka: 'ok' }, null],
      [{ kafka: 'interrupted', topics: ['trips'], reason: 'unreachable' }, '/trips'],
    ]);
  });

  it('logs once that an open transaction blocks a partition, and once that it ended', async () => {
    heldBackSince = new Date().toISOString();
    await lookTwiceAt(CONNECTED);
    expect(logger.lines).toEqual([]);
    heldBackSince = new Date(Date.now() - 60_000).toISOString();
    await lookTwiceAt(CONNECTED);
    const fields = { topic: 'trips', partition: 7, lastStableOffset: '3', since: heldBackSince };
    expect(logger.lines).toMatchObject([{ level: 'warn', fields }]);
    heldBackSince = null;
    await lookTwiceAt(CONNECTED);
    expect(logger.lines.slice(1)).toMatchObject([
      { level: 'info', fields: { topic: 'trips', partition: 7 } },
    ]);
  });

  it('logs each change of a topic once, and none while Kafka is unreachable', async () => {
    await lookTwiceAt(CONNECTED, { trips: 'forbidden' });
    await lookTwiceAt(INTERRUPTED, { orders: 'interrupted', trips: 'interrupted', pets: 'interrupted' });
    await lookTwiceAt(CONNECTED);
    expect(logger.lines).toMatchObject([
      {
        level: 'warn',
        fields: {
          topic: 'trips',
          what: 'read',
          state: 'forbidden',
          detail: 'it is forbidden',
          partitions: [7],
        },
      },
      { level: 'info', fields: { topic: 'trips', what: 'read' } },
    ]);
  });
});
