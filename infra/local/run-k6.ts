import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { buildK6 } from './k6';

/**
 * `npm run k6`: builds the k6 of loadtest/k6 if need be, and runs it with the arguments, on this terminal. Ends with
 * its exit code.
 */

/**
 * Under `npm run` one Ctrl-C arrives twice: from the terminal, which signals npm and this process, and from npm, which
 * passes it on. k6 takes the second for impatience.
 */
const SAME_KEYPRESS_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function main(): Promise<void> {
  const binary = await buildK6((line) => void process.stderr.write(`${line}\n`));
  const child = spawn(binary, process.argv.slice(2), {
    stdio: 'inherit',
    // A process group of its own: it hears of Ctrl-C once, from here.
    detached: true,
    env: { K6_AUTO_EXTENSION_RESOLUTION: 'false', K6_NO_USAGE_REPORT: 'true', ...process.env },
  });
  let signalledAt = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (Date.now() - signalledAt < SAME_KEYPRESS_MS) return;
      signalledAt = Date.now();
      child.kill(signal);
    });
  }
  child.on('error', (error) => fail(error));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal!]));
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

main().catch(fail);
