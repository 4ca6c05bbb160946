import { setImmediate as turn } from 'node:timers/promises';
import { Positions } from '../../../src/hub/positions';
import { ArrayLog } from '../../support/model/array-log';
import { FakeSocket } from '../../support/model/fake-socket';
import { createModelGateway, type ModelGateway, ROOMY } from '../../support/model/model-gateway';
import { until } from '../../support/until';

const gateways: ModelGateway[] = [];

afterEach(() => {
  for (const gateway of gateways.splice(0)) gateway.close();
});

it('counts records read from history and lost ones, once for all streams that share a read', async () => {
  const array = new ArrayLog(1);
  const gateway = createModelGateway(array, { ...ROOMY, ringRecords: 1 }, (fault) => {
    throw fault;
  });
  gateways.push(gateway);
  gateway.log.discover();
  const append = (count: number, kind: 'record' | 'bad') => {
    for (let i = 0; i < count; i++) array.append(0, { kind, channel: '/', event: null });
  };
  append(3, 'record');
  append(2, 'bad');
  append(5, 'record');
  while (gateway.log.deliver(0, 1_000)) await turn();
  expect(gateway.history.stats()).toEqual({ reads: 0, records: 0, cachedBytes: 0, digestBytes: 0, lost: 0 });
  const streams = [1, 2].map(() =>
    gateway.connect(new FakeSocket(() => undefined), '/sse', gateway.ids.idOfAll(Positions.of([0n]))),
  );
  await until(async () => {
    for (const question of [...gateway.log.questions]) question.answer('now');
    await turn();
    return streams.every(({ subscriber }) => subscriber?.phase.name === 'live');
  }, 'both have caught up');
  const { records, lost } = gateway.history.stats();
  expect({ records, lost }).toEqual({ records: 7, lost: 2 });
});
