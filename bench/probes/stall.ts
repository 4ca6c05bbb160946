/**
 * Preload (`node --require`): the longest stall of the event loop, and the total time in which its thread was runnable but
 * waited for a processor, which on a busy machine is part of a stall. Prints both as a JSON line at SIGUSR2, which resets
 * them, and at the end of the process.
 */
import { readFileSync, writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;
const STDERR = 2;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

/** Of the main thread, in nanoseconds (/proc/<pid>/schedstat, the second number). */
function waitedNs(): number {
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]);
}

let waitedBefore = waitedNs();

function report(): void {
  // A sample is the time between two samplings, the timer's pause included.
  const stallMs = Math.max(0, delays.max / NS_PER_MS - RESOLUTION_MS);
  const waited = waitedNs();
  const waitedMs = (waited - waitedBefore) / NS_PER_MS;
  waitedBefore = waited;
  // Synchronously: the process may be about to end.
  writeSync(STDERR, `${JSON.stringify({ probe: 'stall', stallMs, waitedMs })}\n`);
  delays.reset();
}

process.on('SIGUSR2', report);
process.on('exit', report);
