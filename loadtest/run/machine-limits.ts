import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { openFilesLimit } from '../../infra/local/open-files';

/** Limits of this machine. */
export interface MachineLimits {
  /** Hard limit of open files per process; Infinity without one. */
  readonly hardFiles: number;
  /** Soft limit, as child processes get it. */
  readonly softFiles: number;
  /**
   * Outgoing connections to one address and port before the search for a free port gets slow: half of the range on Linux,
   * whose connect(2) tries every other port first, and searches linearly after that. (Measured with 28,232 ports: beyond
   * 15,200 streams per gateway, nginx's connects took over 2 s.)
   */
  readonly localPorts: number;
  readonly freeMiB: number;
}

const KIB_PER_MIB = 1_024;
const BYTES_PER_MIB = 1_048_576;

/** @throws Error when the shell does not print the limits */
export function readMachineLimits(): MachineLimits {
  return {
    hardFiles: openFilesLimit('hard'),
    softFiles: openFilesLimit('soft'),
    localPorts: localPorts(),
    freeMiB: availableMiB(),
  };
}

/** On macOS. */
const USUAL_PORTS = 16_384;

function localPorts(): number {
  if (process.platform !== 'linux') return USUAL_PORTS;
  const [from, to] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  return Math.floor((to! - from! + 1) / 2);
}

function availableMiB(): number {
  if (process.platform !== 'linux') return freemem() / BYTES_PER_MIB;
  const kiB = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kiB === undefined ? freemem() / BYTES_PER_MIB : Number(kiB) / KIB_PER_MIB;
}
