import type { Figures } from '../../bench/bench-case';
import { createBenchContext } from '../../bench/bench-context';
import { measureChannels } from '../../bench/cases/channels';
import { measureFanout } from '../../bench/cases/fanout';
import { measureSparseResume } from '../../bench/cases/sparse-resume';
import { spreadOf } from '../../bench/statistics';

/**
 * Whether fan-out has become dearer, by ratios of processor time within one run, so that neither a slow nor a busy
 * machine decides. The limits are half as much again as the highest median that repeated runs on a busy machine showed,
 * or more. Writing each event by itself is several times the limit. `npm run bench` gives the figures worth quoting.
 */

const ROUNDS = 3;
const TEST_LIMIT_MS = 240_000;

const context = createBenchContext({
  seconds: 3,
  warmupSeconds: 1,
  churnMinutes: 1,
  node: process.execPath,
  baseline: null,
  broker: null,
  scale: 1,
  print: () => undefined,
});

describe('a delivery', () => {
  it.each([
    { load: 'of single events', streams: 500, eventsPerS: 40, floorsLimit: 2.5, userLimit: 1 },
    { load: 'of many events a write', streams: 200, eventsPerS: 1_000, floorsLimit: 2, userLimit: 1 },
  ])(
    '$load costs a bounded multiple of the physical floor, and none is lost',
    async ({ streams, eventsPerS, floorsLimit, userLimit }) => {
      const measure = (server: 'gateway' | 'floor'): Promise<Figures> =>
        measureFanout(context, { server, streams, eventsPerS });
      const floors: number[] = [];
      // Our own part, which the kernel's part, several times as large, would hide.
      const userFloors: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const gateway = await measure('gateway');
        const floor = await measure('floor');
        expect([gateway.lost, floor.lost]).toEqual([0, 0]);
        floors.push(gateway.cpuUs! / floor.cpuUs!);
        userFloors.push(gateway.userUs! / floor.cpuUs!);
      }
      expect(spreadOf(floors).median).toBeLessThan(floorsLimit);
      expect(spreadOf(userFloors).median).toBeLessThan(userLimit);
    },
    TEST_LIMIT_MS,
  );
});

describe('events that wait for each other', () => {
  const LIMIT = 0.85;

  it(
    'take less than a write for each, and none is lost',
    async () => {
      const ratios: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const measure = (gather: string): Promise<Figures> =>
          measureFanout(context, {
            server: 'gateway',
            streams: 1_000,
            eventsPerS: 100,
            env: { FANOUT_GATHER_MS: gather },
          });
        const auto = await measure('auto');
        const none = await measure('0');
        expect([auto.lost, none.lost]).toEqual([0, 0]);
        ratios.push(auto.cpuUs! / none.cpuUs!);
      }
      expect(spreadOf(ratios).median).toBeLessThan(LIMIT);
    },
    TEST_LIMIT_MS,
  );
});

describe('a record', () => {
  const STREAMS = 2_000;
  const LIMIT = 3.5;

  it(
    'on a channel of its own costs a bounded multiple of a delivery on a shared one',
    async () => {
      const cpuRatios: number[] = [];
      for (let round = 0; round < ROUNDS; round++)
        cpuRatios.push((await measureChannels(context, STREAMS)).cpuRatio!);
      expect(spreadOf(cpuRatios).median).toBeLessThan(LIMIT);
    },
    TEST_LIMIT_MS,
  );
});

describe('a client that resumes on a channel of its own', () => {
  const CLIENTS = 1_000;
  const EVENTS_EACH = 8;
  const OTHER_CHANNELS = 9_000;
  const LIMIT = 2.1;

  it(
    'costs what it gets, not what the ring holds for others',
    async () => {
      const resumeOver = async (channels: number): Promise<number> => {
        const records = channels * EVENTS_EACH;
        const sizes = { partitions: 1, records, channels, clients: CLIENTS, ringRecords: null };
        const { cpuS, lost } = await measureSparseResume(context, 'gateway', { ...sizes, isAlone: true });
        expect(lost).toBe(0);
        return cpuS!;
      };
      const cpuRatios: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const amongOthers = await resumeOver(CLIENTS + OTHER_CHANNELS);
        cpuRatios.push(amongOthers / (await resumeOver(CLIENTS)));
      }
      expect(spreadOf(cpuRatios).median).toBeLessThan(LIMIT);
    },
    TEST_LIMIT_MS,
  );
});
