import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { transformFileSync } from '@swc/core';
import { type SupervisedChild, startChild } from '../../../infra/local/supervised-child';

const PATIENT_MS = 4_000;
const started: SupervisedChild[] = [];

function sh(script: string, options: { env?: NodeJS.ProcessEnv; onLine?: (line: string) => void } = {}) {
  const child = startChild({ name: 'sh', command: 'sh', args: ['-c', script], ...options });
  started.push(child);
  return child;
}

afterEach(async () => {
  for (const child of started.splice(0)) await child.stop({ signal: 'SIGKILL', deadlineMs: PATIENT_MS });
});

/** The letter of `ps`: T is stopped, Z ended and not yet asked for its end; empty when there is no such process. */
function state(pid: number | string): string {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  }
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1]!;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code!)) return '';
    throw error;
  }
}

/** Where the system shows them; else the state of the process. */
function threadStates(pid: number): string[] {
  if (process.platform !== 'linux') return [state(pid)];
  return readdirSync(`/proc/${pid}/task`).map((thread) => state(`${pid}/task/${thread}`));
}

const runs = (pid: number): boolean => !['', 'Z'].includes(state(pid));

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENT_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${PATIENT_MS} ms: ${condition}`);
    await sleep(5);
  }
}

describe('a supervised child', () => {
  it('has the pid, the environment and the output of the program itself', async () => {
    const lines: string[] = [];
    const child = sh('echo $$; echo "$GREETING" >&2', {
      env: { ...process.env, GREETING: 'hello' },
      onLine: (line) => lines.push(line),
    });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(lines.sort()).toEqual([String(child.pid), 'hello'].sort());
    expect(child.lastLines().split('\n').sort()).toEqual(lines);
  });

  it('tells how it ended', async () => {
    expect(await sh('exit 3').exited).toEqual({ code: 3, signal: null });
    const killed = sh('kill -s KILL $$');
    expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(killed.exit()).toEqual({ code: null, signal: 'SIGKILL' });
    const missing = startChild({ name: 'missing', command: 'no-such-program', args: [] });
    expect(await missing.exited).toMatchObject({ code: 127 });
    expect(missing.lastLines()).toContain('no-such-program');
  });

  it('is killed when it does not stop in time, even when it is paused', async () => {
    const deaf = sh('trap "" TERM; echo ready; while :; do sleep 0.1; done');
    await until(() => deaf.lastLines() === 'ready');
    expect(await deaf.stop({ deadlineMs: 50 })).toEqual({ code: null, signal: 'SIGKILL' });

    const paused = sh('echo ready; sleep 100');
    await until(() => paused.lastLines() === 'ready');
    await paused.pause();
    expect(await paused.stop({ deadlineMs: 50 })).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('does nothing at all from the end of pause() on, whichever of its threads takes the signal', async () => {
    const busy = `const { Worker } = require('node:worker_threads');
      for (let i = 0; i < 4; i++) new Worker('for (;;);', { eval: true }).on('online', () => console.log('ready'));`;
    const child = startChild({ name: 'node', command: process.execPath, args: ['-e', busy] });
    started.push(child);
    await until(() => child.lastLines().split('\n').length === 4);
    for (let i = 0; i < 10; i++) {
      await child.pause();
      expect(threadStates(child.pid)).not.toContain('R');
      child.resume();
      await until(() => threadStates(child.pid).includes('R'));
    }
  });

  it('ends with all its descendants', async () => {
    const child = sh('sleep 100 & echo $!; wait');
    await until(() => child.lastLines() !== '');
    const grandchild = Number(child.lastLines());
    expect(runs(grandchild)).toBe(true);
    await child.stop({ signal: 'SIGKILL', deadlineMs: PATIENT_MS });
    await until(() => !runs(grandchild));
  });

  it('leaves the files alone when it ends and its parent lives', async () => {
    const files = mkdtempSync(join(tmpdir(), 'supervised-child-'));
    try {
      for (let i = 0; i < 20; i++) {
        const children = Array.from({ length: 5 }, () =>
          startChild({ name: 'sh', command: 'true', args: [], removeOnOrphan: files }),
        );
        await Promise.all(children.map((child) => child.exited));
        expect(existsSync(files)).toBe(true);
      }
    } finally {
      rmSync(files, { recursive: true, force: true });
    }
  });

  it('ends with its parent when that is killed, and its files are removed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'supervised-child-'));
    try {
      const module = join(directory, 'supervised-child.js');
      const source = join(__dirname, '../../../infra/local/supervised-child.ts');
      writeFileSync(
        module,
        transformFileSync(source, { jsc: { parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } })
          .code,
      );
      const files = join(directory, 'files of the child');
      mkdirSync(files);
      const parent = spawn(process.execPath, [
        '-e',
        `const { startChild } = require(${JSON.stringify(module)});
         const child = startChild({ name: 'x', command: 'sh', args: ['-c', 'sleep 100 & echo $!; wait'],
           removeOnOrphan: ${JSON.stringify(files)}, onLine: (line) => console.log(child.pid + ' ' + line) });`,
      ]);
      const ended = new Promise((done) => parent.once('exit', done));
      const [line] = await Promise.race([
        new Promise<string[]>((done) =>
          createInterface({ input: parent.stdout }).once('line', (text) => done([text])),
        ),
        ended.then(() => []),
      ]);
      const [child, grandchild] = line!.split(' ').map(Number);
      expect([runs(child!), runs(grandchild!), existsSync(files)]).toEqual([true, true, true]);

      // A paused process ends as well.
      process.kill(child!, 'SIGSTOP');
      parent.kill('SIGKILL');
      await ended;
      await until(() => !runs(child!) && !runs(grandchild!) && !existsSync(files));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
