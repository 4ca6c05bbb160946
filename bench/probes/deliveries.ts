/**
 * Preload (`node --require`) of the gateway: measures from the hub's first `publish` until BENCH_DELIVERIES (environment)
 * deliveries have been written to the streams' sockets. Prints a JSON line each time, and waits for the next `publish`.
 */
import { join } from 'node:path';
import type { Hub as HubClass } from '../../src/hub/hub';

const US_PER_MS = 1_000;

const wanted = Number(process.env.BENCH_DELIVERIES);
// The same class that the program uses.
const { Hub } = require(join(__dirname, '../../src/hub/hub')) as { Hub: typeof HubClass };
const { publish } = Hub.prototype;
let isRunning = false;

Hub.prototype.publish = function measured(...args: Parameters<typeof publish>): void {
  if (!isRunning) {
    isRunning = true;
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    const before = this.stats().deliveries;
    const look = (): void => {
      if (this.stats().deliveries - before < wanted) {
        setImmediate(look);
        return;
      }
      const wallMs = performance.now() - startMs;
      const { user, system } = process.cpuUsage(cpu);
      isRunning = false;
      process.stderr.write(
        `${JSON.stringify({ probe: 'deliveries', wallMs, cpuMs: (user + system) / US_PER_MS })}\n`,
      );
    };
    setImmediate(look);
  }
  publish.apply(this, args);
};
