import { TIGHT } from '../support/model/model-gateway';
import { runTrouble, type Trouble } from '../support/model/run-trouble';

/** Found by the model. The failure depends on when a read is tried again, hence the runs. */
const FOUND: Trouble = {
  partitions: [1, 1],
  gateways: [TIGHT],
  clients: 3,
  steps: [
    { do: 'toggle', partition: 1 },
    { do: 'deliver', gateway: 0, partition: 0, count: 1 },
    { do: 'connect', client: 2, gateway: 0 },
    { do: 'move', client: 2, gateway: 0 },
    { do: 'toggle', partition: 1 },
    { do: 'discover', gateway: 0 },
    { do: 'connect', client: 0, gateway: 0 },
    { do: 'append', partition: 1, count: 3, kind: 'record' },
    { do: 'deliver', gateway: 0, partition: 1, count: 3 },
    { do: 'toggle', partition: 1 },
    { do: 'truncate', partition: 1, count: 1 },
    { do: 'turn', turns: 1 },
    { do: 'toggle', partition: 1 },
    { do: 'answer', gateway: 0, question: 0, how: 'fail' },
    { do: 'append', partition: 1, count: 1, kind: 'record' },
    { do: 'stall', client: 0 },
    { do: 'turn', turns: 1 },
    { do: 'disconnect', client: 0, bytes: 0 },
    { do: 'turn', turns: 2 },
    { do: 'deliver', gateway: 0, partition: 1, count: 1 },
    { do: 'answer', gateway: 0, question: 0, how: 'now' },
    { do: 'append', partition: 0, count: 1, kind: 'record' },
    { do: 'turn', turns: 1 },
    { do: 'deliver', gateway: 0, partition: 1, count: 1 },
    { do: 'append', partition: 0, count: 1, kind: 'hole' },
    { do: 'turn', turns: 1 },
  ],
};
const RUNS = 100;

/**
 * A stream held a partition back because its history could not be read. Records after a truncation were sent to it before
 * that history, and another stream with the same id missed them.
 */
it('records after a truncation reach a held-back stream once, and after its history', async () => {
  for (let i = 0; i < RUNS; i++) expect((await runTrouble(FOUND)).faults).toEqual([]);
});
