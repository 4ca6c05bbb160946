import { runTrouble, type Trouble } from '../support/model/run-trouble';

/** As the model found it. What goes wrong depends on when a read is tried again. */
const FOUND: Trouble = {
  partitions: [1, 1],
  replicas: [
    {
      ringRecords: 2,
      warmRecords: 1,
      sliceBytes: 1,
      writesPerTurn: 1,
      maxClientBufferBytes: 0,
      chunkBytes: 10,
      readers: 1,
    },
  ],
  clients: 3,
  steps: [
    { do: 'toggle', partition: 1 },
    { do: 'deliver', replica: 0, partition: 0, count: 1 },
    { do: 'connect', client: 2, replica: 0 },
    { do: 'move', client: 2, replica: 0 },
    { do: 'toggle', partition: 1 },
    { do: 'discover', replica: 0 },
    { do: 'connect', client: 0, replica: 0 },
    { do: 'append', partition: 1, count: 3, kind: 'record' },
    { do: 'deliver', replica: 0, partition: 1, count: 3 },
    { do: 'toggle', partition: 1 },
    { do: 'truncate', partition: 1, count: 1 },
    { do: 'turn', turns: 1 },
    { do: 'toggle', partition: 1 },
    { do: 'answer', replica: 0, question: 0, how: 'fail' },
    { do: 'append', partition: 1, count: 1, kind: 'record' },
    { do: 'stall', client: 0 },
    { do: 'turn', turns: 1 },
    { do: 'disconnect', client: 0, bytes: 0 },
    { do: 'turn', turns: 2 },
    { do: 'deliver', replica: 0, partition: 1, count: 1 },
    { do: 'answer', replica: 0, question: 0, how: 'now' },
    { do: 'append', partition: 0, count: 1, kind: 'record' },
    { do: 'turn', turns: 1 },
    { do: 'deliver', replica: 0, partition: 1, count: 1 },
    { do: 'append', partition: 0, count: 1, kind: 'hole' },
    { do: 'turn', turns: 1 },
  ],
};
const RUNS = 100;

/**
 * A stream that held back a partition, because its past could not be read, was given what followed a truncation before
 * that past; and another stream with the same id was taken to have it too, and missed it.
 */
it('records that follow a loss reach each stream once, after what had been there before', async () => {
  for (let i = 0; i < RUNS; i++) expect((await runTrouble(FOUND)).faults).toEqual([]);
});
