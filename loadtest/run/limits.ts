import type { MachineLimits } from './machine-limits';

/** Distribution of the connections over processes. */
export interface Spread {
  readonly connections: number;
  readonly shards: number;
  /** Gateways that the run starts on this machine; 0: none. */
  readonly gateways: number;
  /** Streams go to the gateways, not through nginx. */
  readonly direct: boolean;
  /** Addresses and ports that the streams connect to. */
  readonly targets: number;
  /** All targets are on this machine. */
  readonly isLocal: boolean;
  readonly probe: number;
}

/** Files of a process besides streams. */
const SPARE_FILES = 300;
/** More per k6 process gains nothing. */
const MAX_PER_SHARD = 17_000;
const SHARE_OF_PORTS = 0.95;
/** A VU of k6 with its connection, a stream of a gateway and both its sides in nginx (README-LOAD-TEST.md). */
const KIB_PER_STREAM = { k6: 260, gateway: 16, nginx: 14 };
const BASE_MIB = 1_500;
const KIB_PER_MIB = 1_024;

/** k6 processes needed to stay within the limits of files and ports. */
export function shardsFor(connections: number, { hardFiles, localPorts }: MachineLimits): number {
  const most = Math.min(MAX_PER_SHARD, hardFiles - SPARE_FILES, Math.floor(localPorts * SHARE_OF_PORTS));
  return Math.ceil(connections / Math.max(1, most));
}

const USUAL_GATEWAYS = 3;

/** Gateways needed to stay within their limit of files and nginx's limit of ports to each. */
export function gatewaysFor(streams: number, { hardFiles, localPorts }: MachineLimits): number {
  const most = Math.min(hardFiles - SPARE_FILES, Math.floor(localPorts));
  return Math.max(USUAL_GATEWAYS, Math.ceil(streams / Math.max(1, most)));
}

/** Streams that one gateway must take, even after another one has died. */
export function maxStreamsFor({ connections, probe }: Spread, { hardFiles }: MachineLimits): number {
  return Math.max(1, Math.min(connections + probe, hardFiles - SPARE_FILES));
}

/** Whether each shard needs its own address on this machine: with one, the local ports run out. */
export function needsOwnAddresses(spread: Spread, { localPorts }: MachineLimits): boolean {
  return (
    spread.isLocal && !spread.direct && spread.connections / spread.targets > localPorts * SHARE_OF_PORTS
  );
}

/** Exceeded limits, each with advice. */
export function limitFaults(spread: Spread, limits: MachineLimits): string[] {
  const { connections, shards, gateways, direct, targets, isLocal, probe } = spread;
  const { hardFiles, softFiles, localPorts } = limits;
  const faults: string[] = [];
  const raise = `raise it (ulimit -Hn, limits.conf, or docker run --ulimit nofile=200000)`;
  const perShard = Math.ceil(connections / shards);
  if (perShard + SPARE_FILES > hardFiles) {
    faults.push(
      `${perShard} connections in each of ${shards} k6 processes: the hard limit of open files is ${hardFiles}; ${raise}, or --shards ${shardsFor(connections, limits)}`,
    );
  }
  if (softFiles < Math.min(hardFiles, perShard + SPARE_FILES)) {
    faults.push(
      `the soft limit of open files is ${softFiles}: run "ulimit -n ${Math.min(hardFiles, 1_048_576)}" first`,
    );
  }
  const perGateway = gateways === 0 ? 0 : Math.ceil((connections + probe) / gateways);
  if (perGateway + SPARE_FILES > hardFiles) {
    const enough = Math.ceil((connections + probe) / (hardFiles - SPARE_FILES));
    faults.push(
      `${perGateway} streams in each of ${gateways} gateways: the hard limit of open files is ${hardFiles}; ${raise}, or --gateways ${enough}`,
    );
  }
  const range = 'widen it: sysctl net.ipv4.ip_local_port_range="30000 65535"';
  if (gateways > 0 && !direct && perGateway > localPorts) {
    faults.push(
      `nginx needs ${perGateway} local ports for each gateway and only ${localPorts} are available quickly: --gateways ${Math.ceil(connections / (localPorts * SHARE_OF_PORTS))}, or ${range}`,
    );
  }
  const perSource = isLocal ? perShard / targets : connections / targets;
  if (perSource > localPorts * SHARE_OF_PORTS) {
    const enough = Math.ceil(connections / targets / (localPorts * SHARE_OF_PORTS));
    faults.push(
      `${Math.round(perSource)} connections from one address to one port, and only ${localPorts} local ports are available quickly: ${isLocal ? `--shards ${enough}, or ` : ''}${range}`,
    );
  }
  return faults;
}

/** Limits that may be exceeded. */
export function limitWarnings(
  { connections, gateways, direct }: Spread,
  { freeMiB }: MachineLimits,
): string[] {
  const perStream =
    KIB_PER_STREAM.k6 + (gateways === 0 ? 0 : KIB_PER_STREAM.gateway + (direct ? 0 : KIB_PER_STREAM.nginx));
  const neededMiB = Math.round((connections * perStream) / KIB_PER_MIB) + (gateways === 0 ? 0 : BASE_MIB);
  return neededMiB > freeMiB
    ? [
        `about ${neededMiB} MiB of memory are needed and ${Math.round(freeMiB)} MiB are free: fewer --connections, or --url and another machine`,
      ]
    : [];
}
