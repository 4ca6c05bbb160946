import type { ConnectionStatus, EventLog } from '../../../src/eventlog/event-log';
import { startLogWatch } from '../../../src/status/log-watch';
import { until } from '../../support/until';

describe('startLogWatch', () => {
  it('tells each change once, and not the first connection', async () => {
    let consumer: Pick<ConnectionStatus, 'connected' | 'state'> = { connected: false, state: 'starting' };
    let looks = 0;
    const log = {
      status: () => {
        looks++;
        return { consumer };
      },
    } as unknown as EventLog;
    const told: string[] = [];
    const watch = startLogWatch({ log, everyMs: 5, onChange: (kafka) => told.push(kafka) });
    const lookTwice = async () => {
      const before = looks;
      await until(() => looks > before + 2, 'it looked again');
    };
    try {
      await lookTwice();
      consumer = { connected: true, state: 'connected' };
      await lookTwice();
      expect(told).toEqual([]);
      consumer = { connected: false, state: 'interrupted' };
      await lookTwice();
      expect(told).toEqual(['interrupted']);
      consumer = { connected: true, state: 'connected' };
      await lookTwice();
      expect(told).toEqual(['interrupted', 'ok']);
    } finally {
      watch.stop();
    }
  });
});
