import { TIGHT } from '../support/model/model-gateway';
import { runTrouble, type Trouble } from '../support/model/run-trouble';

/** As the model found it. */
const FOUND: Trouble = {
  partitions: [1, 2],
  gateways: [TIGHT],
  clients: 1,
  steps: [
    { do: 'deliver', gateway: 0, partition: 0, count: 1 },
    { do: 'append', partition: 79, count: 1, kind: 'record' },
    { do: 'deliver', gateway: 0, partition: 739, count: 1 },
    { do: 'connect', client: 0, gateway: 0 },
    { do: 'restart', gateway: 0 },
    { do: 'truncate', partition: 0, count: 1 },
    { do: 'stall', client: 0 },
    { do: 'deliver', gateway: 0, partition: 0, count: 1 },
    { do: 'deliver', gateway: 0, partition: 0, count: 1 },
    { do: 'turn', turns: 1 },
    { do: 'connect', client: 0, gateway: 0 },
    { do: 'append', partition: 0, count: 1, kind: 'record' },
    { do: 'discover', gateway: 0 },
    { do: 'deliver', gateway: 0, partition: 0, count: 1 },
    { do: 'turn', turns: 1 },
    { do: 'turn', turns: 1 },
    { do: 'answer', gateway: 0, question: 0, how: 'now' },
    { do: 'connect', client: 0, gateway: 0 },
    { do: 'answer', gateway: 0, question: 0, how: 'now' },
    { do: 'answer', gateway: 0, question: 0, how: 'now' },
    { do: 'truncate', partition: 322, count: 1 },
    { do: 'toggle', partition: 0 },
    { do: 'stall', client: 0 },
    { do: 'append', partition: 0, count: 1, kind: 'record' },
    { do: 'answer', gateway: 0, question: 0, how: 'now' },
  ],
};

/**
 * While an id was checked against the event log, its partition was truncated: the answer from before made the stream wait
 * for a position that the truncated partition does not have, for ever.
 */
it('an id whose partition is truncated while it is checked is checked again', async () => {
  expect((await runTrouble(FOUND)).faults).toEqual([]);
});
