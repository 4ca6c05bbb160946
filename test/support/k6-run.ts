import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildK6, K6_ENV } from '../../infra/local/k6';
import { repositoryRoot } from '../../infra/local/repository';
import { type SupervisedChild, startChild } from '../../infra/local/supervised-child';
import type { Metrics } from '../../loadtest/src/summary.ts';

/** One run of the script by the bundled k6. */
export interface K6Run {
  /** k6's: 0, or 99 when a threshold did not hold. */
  readonly exitCode: number | null;
  /** Everything that it printed; the summary comes last. */
  readonly output: string;
  readonly metrics: Metrics;
}

const STOP_DEADLINE_MS = 5_000;

const running = new Set<SupervisedChild>();

// Registered for each test file that imports this module.
afterEach(async () => {
  await Promise.all(
    [...running].map((child) => child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS })),
  );
});

/**
 * `k6 run loadtest/sse.js` with these settings, as one would by hand. `meanwhile` runs beside it.
 *
 * @throws Error with its output when it leaves no figures
 */
export async function runK6(env: Record<string, string>, meanwhile?: () => Promise<void>): Promise<K6Run> {
  const k6 = await buildK6((line) => void process.stderr.write(`${line}\n`));
  const directory = await mkdtemp(join(tmpdir(), 'k6-run-'));
  const file = join(directory, 'summary.json');
  const lines: string[] = [];
  const child = startChild({
    name: 'k6',
    command: k6,
    args: ['run', '--quiet', '--address=', 'loadtest/sse.js'],
    cwd: repositoryRoot(),
    env: {
      ...process.env,
      ...K6_ENV,
      SUMMARY_FILE: file,
      ...env,
    },
    onLine: (line) => lines.push(line),
  });
  running.add(child);
  try {
    await meanwhile?.();
    const { code } = await child.exited;
    const text = await readFile(file, 'utf8').catch(() => {
      throw new Error(`k6 left no figures:\n${lines.join('\n')}`);
    });
    const { metrics } = JSON.parse(text) as { metrics: Metrics };
    return { exitCode: code, output: lines.join('\n'), metrics };
  } finally {
    running.delete(child);
    await rm(directory, { recursive: true, force: true });
  }
}
