/**
 * Preload (`node --require`): the longest time in which the event loop of the process did nothing else, and for how long in
 * all its thread was ready to run while others had the processors: on a busy machine that is part of a stall. Prints
 * both as a JSON line at SIGUSR2, when it begins anew, and at the end of the process.
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
  // A sample is the time between two looks, the pause between them included.
  const stallMs = Math.max(0, delays.max / NS_PER_MS - RESOLUTION_MS);
  const waited = waitedNs();
  const waitedMs = (waited - waitedBefore) / NS_PER_MS;
  waitedBefore = waited;
  // At once: the process may be about to end.
  writeSync(STDERR, `${JSON.stringify({ probe: 'stall', stallMs, waitedMs })}\n`);
  delays.reset();
}

process.on('SIGUSR2', report);
process.on('exit', report);
