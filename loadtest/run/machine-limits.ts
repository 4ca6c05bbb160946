import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { openFilesLimit } from '../../infra/local/open-files';

/** What this machine allows. */
export interface MachineLimits {
  /** Open files per process that no process can exceed; Infinity when there is no limit. */
  readonly hardFiles: number;
  /** What a child of ours may open without raising it. */
  readonly softFiles: number;
  /**
   * Outgoing connections to one address and port that are made without searching for a port: half of the range on Linux,
   * whose connect tries every other port first, and each of them once more for every connection after that. (Measured with
   * 28,232 ports: from 15,200 streams a gateway on, nginx's connects took over 2 s.)
   */
  readonly localPorts: number;
  readonly freeMiB: number;
}

const KIB_PER_MIB = 1_024;
const BYTES_PER_MIB = 1_048_576;

/** @throws Error when the shell does not tell the limits */
export function readMachineLimits(): MachineLimits {
  return {
    hardFiles: openFilesLimit('hard'),
    softFiles: openFilesLimit('soft'),
    localPorts: localPorts(),
    freeMiB: availableMiB(),
  };
}

/** What macOS has, and Linux without its file. */
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
