import type { AggregationWindow } from '../../../src/roles/aggregation-window';
import { createPartitionWindows, type PartitionWindows } from '../../../src/roles/partition-windows';
import { until } from '../../support/until';

type Step = readonly ['commit', number] | readonly ['publish', ...string[]];

/** The group and the log, as far as one partition goes. */
class FarSide {
  readonly steps: Step[] = [];
  readonly failures: Error[] = [];
  committed = 0;
  /** Called before each step is done; may throw. */
  before: (step: Step) => void | Promise<void> = () => undefined;
  readonly windows: PartitionWindows;

  constructor({ events = 3, windowMs = 60_000, maxPublished = 100 } = {}) {
    this.windows = createPartitionWindows({
      config: { events, windowMs, sampleBytes: 64, groupId: 'g', sessionTimeoutMs: 6_000 },
      publish: (windows) => this.#do(['publish', ...windows.map(describeWindow)]),
      maxPublished,
      onFailure: (error) => this.failures.push(error),
    });
    open.add(this);
  }

  add(from: number, to: number): Promise<boolean> {
    const records = Array.from({ length: to - from }, (_, i) => ({
      offset: BigInt(from + i),
      timestampMs: 0,
      value: null,
    }));
    const commit = async (next: bigint) => {
      await this.#do(['commit', Number(next)]);
      this.committed = Number(next);
    };
    const owner = { commit, heartbeat: async () => undefined };
    return this.windows.add({ topic: 't', partition: 0, records, owner });
  }

  async #do(step: Step): Promise<void> {
    await this.before(step);
    this.steps.push(step);
  }
}

const open = new Set<FarSide>();
afterEach(async () => {
  for (const { windows } of open) await windows.close();
  open.clear();
});

function describeWindow({ id, stats }: AggregationWindow): string {
  return `${id}+${stats.totalEvents}`;
}

describe('PartitionWindows', () => {
  it('commits the end of a window only after its summary is stored, with a fencing commit before', async () => {
    const far = new FarSide();
    expect(await far.add(10, 12)).toBe(true);
    expect(far.steps).toEqual([]);
    expect(await far.add(12, 18)).toBe(true);
    expect(far.steps).toEqual([
      ['commit', 10],
      ['publish', 't.0.10+3', 't.0.13+3'],
      ['commit', 16],
    ]);
  });

  it('publishes many windows in slices, each committed before the next', async () => {
    const far = new FarSide({ maxPublished: 2 });
    await far.add(0, 10);
    expect(far.steps).toEqual([
      ['commit', 0],
      ['publish', 't.0.0+3', 't.0.3+3'],
      ['commit', 6],
      ['commit', 6],
      ['publish', 't.0.6+3'],
      ['commit', 9],
    ]);
  });

  it('closes a window by time', async () => {
    const far = new FarSide({ windowMs: 20 });
    await far.add(5, 7);
    await until(() => far.committed === 7, 'the window is committed');
    expect(far.steps).toEqual([
      ['commit', 5],
      ['publish', 't.0.5+2'],
      ['commit', 7],
    ]);
    await far.add(7, 8);
    await until(() => far.committed === 8, 'so is the next');
  });

  it.each<[string, Step]>([
    ['ownership was lost', ['commit', 0]],
    ['the summary was not stored', ['publish', 't.0.0+3']],
    ['the end was not committed', ['commit', 3]],
  ])(
    'takes no more once %s, and begins the same window again after the next join',
    async (_what, failing) => {
      const far = new FarSide();
      const failure = new Error('not now');
      far.before = (step) => {
        if (JSON.stringify(step) === JSON.stringify(failing)) throw failure;
      };
      await expect(far.add(0, 5)).rejects.toBe(failure);
      await expect(far.add(5, 10)).rejects.toBe(failure);
      expect(far.committed).toBe(0);

      far.before = () => undefined;
      far.windows.restart();
      expect(await far.add(far.committed, 7)).toBe(true);
      expect(far.steps.slice(-3)).toEqual([
        ['commit', 0],
        ['publish', 't.0.0+3', 't.0.3+3'],
        ['commit', 6],
      ]);
    },
  );

  it('reports a window that closed by time and whose summary was not stored', async () => {
    const far = new FarSide({ windowMs: 20 });
    const failure = new Error('not now');
    far.before = () => {
      throw failure;
    };
    await far.add(0, 1);
    await until(() => far.failures.length > 0, 'the failure is told');
    expect(far.failures).toEqual([failure]);
    await expect(far.add(1, 2)).rejects.toBe(failure);
  });

  it('does not commit after a rebalance what was published before it', async () => {
    const far = new FarSide();
    far.before = ([what]) => {
      if (what === 'publish') far.windows.restart();
    };
    expect(await far.add(0, 4)).toBe(false);
    expect(far.steps).toEqual([
      ['commit', 0],
      ['publish', 't.0.0+3'],
    ]);
  });

  it('drops open windows at each rebalance', async () => {
    const far = new FarSide({ windowMs: 20 });
    await far.add(0, 2);
    far.windows.restart();
    await far.add(0, 1);
    await until(() => far.committed === 1, 'the window of the new join is committed');
    expect(far.steps.filter(([what]) => what === 'publish')).toEqual([['publish', 't.0.0+1']]);
  });

  it('publishes nothing after a rebalance in between', async () => {
    const far = new FarSide();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let asked = 0;
    far.before = () => {
      asked++;
      return held;
    };
    const adding = [far.add(0, 3), far.add(3, 6)];
    await until(() => asked === 1, 'the first one asks whether it still may');
    far.windows.restart();
    release();
    expect(await Promise.all(adding)).toEqual([false, false]);
    expect(far.steps).toEqual([['commit', 0]]);
  });

  it('does not report a failure that a rebalance has settled', async () => {
    const far = new FarSide({ windowMs: 20 });
    let refused = false;
    far.before = ([, from]) => {
      if (from !== 0) return;
      far.windows.restart();
      refused = true;
      throw new Error('not a member any more');
    };
    await far.add(0, 2);
    await until(() => refused, 'the window that closed by time is refused');
    await far.add(2, 3);
    await until(() => far.committed === 3, 'the window of the new join is committed');
    expect(far.failures).toEqual([]);
    expect(await far.add(3, 4)).toBe(true);
  });
});
