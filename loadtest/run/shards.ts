import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { K6_ENV } from '../../infra/local/k6';
import { repositoryRoot } from '../../infra/local/repository';
import { describeExit, type SupervisedChild, startChild } from '../../infra/local/supervised-child';
import type { Metrics } from '../src/summary.ts';
import { parseWindowLine, type Window } from '../src/window.ts';

export interface ShardOptions {
  /** The k6 binary. */
  readonly k6: string;
  readonly count: number;
  /** Settings of the scripts, the same for all. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory for the figures of each. */
  readonly directory: string;
  /** Each shard connects to a different address of this machine, from 127.0.0.1 on. */
  readonly ownAddresses: boolean;
  readonly onOutput: (name: string, line: string) => void;
}

/** k6 processes that share the connections of one run. */
export interface Shards {
  /** Process ids by name. */
  readonly pids: ReadonlyMap<string, number>;
  /** Of each shard, once its streams begin. Rejects when one ends before that. */
  readonly windows: Promise<readonly Window[]>;
  /** Figures and exit codes, once all have ended. Rejects when one left no figures. */
  readonly ended: Promise<readonly ShardEnd[]>;
  close(): Promise<void>;
}

export interface ShardEnd {
  readonly name: string;
  /** 0, or 99 when one of its own thresholds did not hold. */
  readonly exitCode: number;
  readonly metrics: Metrics;
}

/** k6's: a threshold did not hold. */
export const THRESHOLDS_FAILED = 99;

const SCRIPT = 'loadtest/sse.js';
const STOP_DEADLINE_MS = 5_000;
/** Most of the heap is live, so that late garbage collection gains little and costs memory. */
const GARBAGE_PERCENT = '60';

/** Starts all shards at the same time. */
export function startShards({ k6, count, env, directory, ownAddresses, onOutput }: ShardOptions): Shards {
  const cuts = Array.from({ length: count + 1 }, (_, i) =>
    i === 0 ? '0' : i === count ? '1' : `${i}/${count}`,
  );
  const shards = Array.from({ length: count }, (_, i) => {
    const name = count === 1 ? 'k6' : `k6-${i + 1}`;
    const file = join(directory, `${name}.json`);
    const listeners = new Set<(line: string) => void>();
    const child = startChild({
      name,
      command: k6,
      args: [
        'run',
        '--quiet',
        // No REST API: the shards would compete for its port.
        '--address=',
        ...(count === 1
          ? []
          : [
              `--execution-segment=${cuts[i]}:${cuts[i + 1]}`,
              `--execution-segment-sequence=${cuts.join(',')}`,
            ]),
        join(repositoryRoot(), SCRIPT),
      ],
      env: {
        ...process.env,
        ...env,
        ...(ownAddresses ? { URL: loopbackUrls(env.URL!, i + 1) } : {}),
        SUMMARY_FILE: file,
        GOGC: process.env.GOGC ?? GARBAGE_PERCENT,
        ...K6_ENV,
      },
      onLine: (line) => {
        for (const listen of listeners) listen(line);
        onOutput(name, line);
      },
    });
    const window = new Promise<Window>((resolve, reject) => {
      listeners.add((line) => {
        const found = parseWindowLine(line);
        if (found !== null) resolve(found);
      });
      void child.exited.then((exit) =>
        reject(
          new Error(`${name} ended before its streams began (${describeExit(exit)}):\n${child.lastLines()}`),
        ),
      );
    });
    return { name, file, child, window };
  });
  const windows = Promise.all(shards.map(({ window }) => window));
  const ended = Promise.all(shards.map(endOf));
  // Not unhandled when nobody awaits one of them yet.
  for (const promise of [windows, ended]) promise.catch(() => undefined);
  return {
    pids: new Map(shards.map(({ name, child }) => [name, child.pid])),
    windows,
    ended,
    async close() {
      await Promise.all(shards.map(({ child }) => child.stop({ deadlineMs: STOP_DEADLINE_MS })));
    },
  };
}

const LOOPBACK_HOST = /\/\/(127\.[\d.]+|localhost)(?=[:/,]|$)/g;

/**
 * The same URLs at another address of this machine. Ports are counted per pair of addresses, so each shard has all of
 * them. Source addresses (k6's --local-ips) would not do: Linux gives a bound port to no connect from any address, which
 * would take ports from nginx.
 */
export function loopbackUrls(urls: string, number: number): string {
  return urls.replaceAll(LOOPBACK_HOST, `//127.0.0.${number}`);
}

async function endOf(shard: { name: string; file: string; child: SupervisedChild }): Promise<ShardEnd> {
  const { name, file, child } = shard;
  const exit = await child.exited;
  if (exit.code !== 0 && exit.code !== THRESHOLDS_FAILED) {
    throw new Error(`${name} did not finish (${describeExit(exit)}):\n${child.lastLines()}`);
  }
  const { metrics } = JSON.parse(await readFile(file, 'utf8')) as { metrics: Metrics };
  return { name, exitCode: exit.code, metrics };
}
