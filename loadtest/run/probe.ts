import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';
import { describeExit, type SupervisedChild, startChild } from '../../infra/local/supervised-child';
import type { ProbeOptions, ProbeResult } from '../probe/probe';

export interface Probe {
  readonly pid: number;
  /** Its figures, at the end of the hold. Rejects when it ends without figures. */
  readonly ended: Promise<ProbeResult>;
  close(): Promise<void>;
}

const STOP_DEADLINE_MS = 5_000;

/** Starts the built probe as a separate process. */
export function startProbe(options: ProbeOptions, onOutput: (line: string) => void): Probe {
  let lastLine = '';
  const child: SupervisedChild = startChild({
    name: 'probe',
    command: process.execPath,
    args: [join(repositoryRoot(), 'dist/loadtest/probe/probe.js'), JSON.stringify(options)],
    onLine: (line) => {
      lastLine = line;
      onOutput(line);
    },
  });
  const ended = child.exited.then((exit) => {
    if (exit.code !== 0)
      throw new Error(`the probe did not finish (${describeExit(exit)}):\n${child.lastLines()}`);
    return JSON.parse(lastLine) as ProbeResult;
  });
  // Not unhandled when nobody awaits it yet.
  ended.catch(() => undefined);
  return {
    pid: child.pid,
    ended,
    async close() {
      await child.stop({ deadlineMs: STOP_DEADLINE_MS });
    },
  };
}
