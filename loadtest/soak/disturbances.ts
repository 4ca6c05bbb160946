import { setTimeout as pause } from 'node:timers/promises';
import type { Stack } from '../../infra/local/start-stack';

/** A fault that heals. The first gateway keeps running, so that its memory can be watched. */
export interface Disturbance {
  readonly name: string;
  happen(stack: Stack): Promise<void>;
}

const STALL_MS = 2_000;
const HANG_MS = 4_000;

export const DISTURBANCES: readonly Disturbance[] = [
  {
    name: 'a gateway is killed',
    async happen({ gateways }) {
      const gateway = gateways.at(-1)!;
      await gateway.kill('SIGKILL');
      await gateway.start();
    },
  },
  {
    name: 'the first gateway stands still for 2 s',
    async happen({ gateways }) {
      process.kill(gateways[0]!.pid, 'SIGSTOP');
      await pause(STALL_MS);
      process.kill(gateways[0]!.pid, 'SIGCONT');
    },
  },
  {
    name: 'Kafka hangs for 4 s',
    async happen({ broker }) {
      await broker!.pause();
      await pause(HANG_MS);
      broker!.resume();
    },
  },
  {
    name: 'a gateway is drained and replaced',
    async happen({ gateways }) {
      const gateway = gateways.at(-2)!;
      await gateway.kill('SIGTERM');
      await gateway.start();
    },
  },
  {
    name: 'nginx is reloaded',
    async happen({ nginx }) {
      process.kill(nginx.pid, 'SIGHUP');
    },
  },
  {
    name: 'Kafka is killed and started again',
    async happen({ broker }) {
      await broker!.kill();
      await broker!.start();
    },
  },
];
