import { setImmediate as turn } from 'node:timers/promises';
import { ArrayLog } from '../../support/model/array-log';
import { FakeSocket } from '../../support/model/fake-socket';
import { createReplica, type Replica, ROOMY } from '../../support/model/replica';
import { until } from '../../support/until';

const replicas: Replica[] = [];

afterEach(() => {
  for (const replica of replicas.splice(0)) replica.close();
});

it('counts what reads of older records bring and cannot bring, once for all streams that share a read', async () => {
  const array = new ArrayLog(1);
  const replica = createReplica(array, { ...ROOMY, ringRecords: 1 }, (fault) => {
    throw fault;
  });
  replicas.push(replica);
  replica.log.discover();
  const append = (count: number, kind: 'record' | 'bad') => {
    for (let i = 0; i < count; i++) array.append(0, { kind, channel: '/', event: null });
  };
  append(3, 'record');
  append(2, 'bad');
  append(5, 'record');
  while (replica.log.deliver(0, 1_000)) await turn();
  expect(replica.history.stats()).toEqual({ reads: 0, records: 0, cachedBytes: 0, lost: 0 });
  const streams = [1, 2].map(() =>
    replica.connect(new FakeSocket(() => undefined), '/sse', replica.ids.idOf([0n])),
  );
  await until(async () => {
    for (const question of [...replica.log.questions]) question.answer('now');
    await turn();
    return streams.every(({ subscriber }) => subscriber?.phase.name === 'live');
  }, 'both have caught up');
  const { records, lost } = replica.history.stats();
  expect({ records, lost }).toEqual({ records: 7, lost: 2 });
});
