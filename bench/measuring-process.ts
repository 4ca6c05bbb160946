import { join } from 'node:path';
import { repositoryRoot } from '../infra/local/repository';
import { startChild } from '../infra/local/supervised-child';
import type { Figures } from './bench-case';
import { STOP_DEADLINE_MS } from './servers/server';

export interface MeasuringProcessOptions {
  /** Of a built program in bench/, which prints its figures as a JSON line. */
  readonly name: 'append-process' | 'ids-process' | 'read-process';
  readonly node: string;
  readonly args?: readonly (string | number)[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program that measures by itself, and returns its figures. @throws Error when it ends without any */
export async function runMeasuringProcess({
  name,
  node,
  args = [],
  env = {},
}: MeasuringProcessOptions): Promise<Figures> {
  let figures: Figures | null = null;
  const child = startChild({
    name,
    command: node,
    args: [join(repositoryRoot(), 'dist/bench', `${name}.js`), ...args.map(String)],
    env: { ...process.env, ...env, NODE_ENV: 'production' },
    onLine: (line) => {
      if (line.startsWith('{"figures":')) figures = (JSON.parse(line) as { figures: Figures }).figures;
    },
  });
  try {
    await child.exited;
  } finally {
    await child.stop({ deadlineMs: STOP_DEADLINE_MS });
  }
  if (figures === null) throw new Error(`${name} ended without figures:\n${child.lastLines()}`);
  return figures;
}
