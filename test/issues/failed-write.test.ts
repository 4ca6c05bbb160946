import { ArrayLog } from '../support/model/array-log';
import { FakeSocket } from '../support/model/fake-socket';
import { createModelGateway, ROOMY } from '../support/model/model-gateway';
import { until } from '../support/until';

/** The stream stayed open, with heartbeats whose ids covered events that it had never been given. */
it('a stream whose write throws is ended, and the fault is told', async () => {
  const log = new ArrayLog(1);
  const faults: unknown[] = [];
  const gateway = createModelGateway(log, ROOMY, (fault) => faults.push(fault));
  gateway.log.discover();
  const socket = new FakeSocket(() => undefined);
  const stream = gateway.connect(socket, '/events', null);
  await until(() => stream.subscriber?.phase.name === 'live', 'it is live');
  const broken = new Error('a write that throws');
  socket.write = () => {
    throw broken;
  };
  log.append(0, { kind: 'record', channel: '/', event: null });
  gateway.log.deliver(0, 1);
  await until(() => socket.destroyed, 'its connection is gone');
  expect(stream.isOpen).toBe(false);
  expect(faults).toEqual([broken]);
  gateway.close();
});
