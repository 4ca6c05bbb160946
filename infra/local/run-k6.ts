import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { SAME_KEYPRESS_MS, stopWithNpm } from './foreground';
import { buildK6, K6_ENV } from './k6';

/**
 * `npm run k6`: builds the k6 of loadtest/k6 if need be, and runs it with the arguments, on this terminal. Ends with
 * its exit code.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function main(): Promise<void> {
  const binary = await buildK6((line) => void process.stderr.write(`${line}\n`));
  const child = spawn(binary, process.argv.slice(2), {
    stdio: 'inherit',
    // In a separate process group: it gets Ctrl-C once, from here.
    detached: true,
    env: { ...K6_ENV, ...process.env },
  });
  let signalledAt = 0;
  const signal = (which: NodeJS.Signals): void => {
    // The second signal of one keypress, at which k6 would abort.
    if (Date.now() - signalledAt < SAME_KEYPRESS_MS) return;
    signalledAt = Date.now();
    child.kill(which);
  };
  for (const which of SIGNALS) process.on(which, () => signal(which));
  stopWithNpm(() => signal('SIGTERM'));
  child.on('error', (error) => fail(error));
  child.on('exit', (code, killedBy) => process.exit(code ?? 128 + constants.signals[killedBy!]));
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
