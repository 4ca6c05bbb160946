import type { ConnectionStatus, EventLog } from '../../../src/eventlog/event-log';
import { type LogWatch, startLogWatch } from '../../../src/status/log-watch';
import { until } from '../../support/until';

type Consumer = Pick<ConnectionStatus, 'connected' | 'state'>;

const STARTING: Consumer = { connected: false, state: 'starting' };
const CONNECTED: Consumer = { connected: true, state: 'connected' };
const INTERRUPTED: Consumer = { connected: false, state: 'interrupted' };

describe('startLogWatch', () => {
  let watch: LogWatch;
  let consumer: Consumer;
  let looks: number;
  let told: string[];

  beforeEach(() => {
    consumer = STARTING;
    looks = 0;
    told = [];
    const log = {
      status: () => {
        looks++;
        return { consumer };
      },
    } as unknown as EventLog;
    watch = startLogWatch({ log, everyMs: 5, onChange: (kafka) => told.push(kafka) });
  });

  afterEach(() => watch.stop());

  async function lookTwiceAt(state: Consumer): Promise<void> {
    consumer = state;
    const before = looks;
    await until(() => looks > before + 2, 'it looked again');
  }

  it('tells each change once, and not the first connection', async () => {
    await lookTwiceAt(STARTING);
    await lookTwiceAt(CONNECTED);
    expect(told).toEqual([]);
    expect(watch.isInterrupted()).toBe(false);
    await lookTwiceAt(INTERRUPTED);
    expect(told).toEqual(['interrupted']);
    expect(watch.isInterrupted()).toBe(true);
    await lookTwiceAt(CONNECTED);
    expect(told).toEqual(['interrupted', 'ok']);
    expect(watch.isInterrupted()).toBe(false);
  });

  it('tells an interruption although it never saw the connection', async () => {
    await lookTwiceAt(STARTING);
    await lookTwiceAt(INTERRUPTED);
    expect(told).toEqual(['interrupted']);
  });
});
