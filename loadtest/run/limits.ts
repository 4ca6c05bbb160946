import type { MachineLimits } from './machine-limits';

/** How the connections are spread over processes. */
export interface Spread {
  readonly connections: number;
  readonly shards: number;
  /** Gateways on this machine; 0: none of ours. */
  readonly gateways: number;
  /** Streams go to the gateways, not through nginx. */
  readonly direct: boolean;
  /** Addresses and ports that the streams connect to. */
  readonly targets: number;
  /** All targets are on this machine. */
  readonly isLocal: boolean;
  readonly probe: number;
}

/** Files of a process that are no streams. */
const SPARE_FILES = 300;
/** More than that in one k6 process gains nothing: it has cores to itself then. */
const MAX_PER_SHARD = 17_000;
const SHARE_OF_PORTS = 0.95;
/** A VU of k6 with its connection, a stream of a gateway and both its sides in nginx (README-LOAD-TEST.md). */
const KIB_PER_STREAM = { k6: 260, gateway: 16, nginx: 14 };
const BASE_MIB = 1_500;
const KIB_PER_MIB = 1_024;

/** k6 processes that are needed so that none has more files or ports than it may. */
export function shardsFor(connections: number, { hardFiles, localPorts }: MachineLimits): number {
  const most = Math.min(MAX_PER_SHARD, hardFiles - SPARE_FILES, Math.floor(localPorts * SHARE_OF_PORTS));
  return Math.ceil(connections / Math.max(1, most));
}

const USUAL_GATEWAYS = 3;

/** Gateways of the stack that are needed so that none has more files, and nginx more ports to it, than it may. */
export function gatewaysFor(streams: number, { hardFiles, localPorts }: MachineLimits): number {
  const most = Math.min(hardFiles - SPARE_FILES, Math.floor(localPorts));
  return Math.max(USUAL_GATEWAYS, Math.ceil(streams / Math.max(1, most)));
}

/** Streams one gateway of the stack must take, when one of them has died as well. */
export function maxStreamsFor({ connections, probe }: Spread, { hardFiles }: MachineLimits): number {
  return Math.max(1, Math.min(connections + probe, hardFiles - SPARE_FILES));
}

/** Whether the shards need an address each on this machine: with one, the local ports run out. */
export function needsOwnAddresses(spread: Spread, { localPorts }: MachineLimits): boolean {
  return (
    spread.isLocal && !spread.direct && spread.connections / spread.targets > localPorts * SHARE_OF_PORTS
  );
}

/** What cannot work, each with what to do; empty when all is well. */
export function limitFaults(spread: Spread, limits: MachineLimits): string[] {
  const { connections, shards, gateways, direct, targets, isLocal, probe } = spread;
  const { hardFiles, softFiles, localPorts } = limits;
  const faults: string[] = [];
  const raise = `raise it (ulimit -Hn, limits.conf, or docker run --ulimit nofile=200000)`;
  const perShard = Math.ceil(connections / shards);
  if (perShard + SPARE_FILES > hardFiles) {
    faults.push(
      `${perShard} connections in each of ${shards} k6 processes: only ${hardFiles} files may be open; ${raise}, or --shards ${shardsFor(connections, limits)}`,
    );
  }
  if (softFiles < Math.min(hardFiles, perShard + SPARE_FILES)) {
    faults.push(
      `only ${softFiles} files may be open per process: run "ulimit -n ${Math.min(hardFiles, 1_048_576)}" first`,
    );
  }
  const perGateway = gateways === 0 ? 0 : Math.ceil((connections + probe) / gateways);
  if (perGateway + SPARE_FILES > hardFiles) {
    const enough = Math.ceil((connections + probe) / (hardFiles - SPARE_FILES));
    faults.push(
      `${perGateway} streams in each of ${gateways} gateways: only ${hardFiles} files may be open; ${raise}, or --gateways ${enough}`,
    );
  }
  const range = 'widen it: sysctl net.ipv4.ip_local_port_range="30000 65535"';
  if (gateways > 0 && !direct && perGateway > localPorts) {
    faults.push(
      `nginx needs ${perGateway} local ports for each gateway and there are ${localPorts} to be had quickly: --gateways ${Math.ceil(connections / (localPorts * SHARE_OF_PORTS))}, or ${range}`,
    );
  }
  const perSource = isLocal ? perShard / targets : connections / targets;
  if (perSource > localPorts * SHARE_OF_PORTS) {
    const enough = Math.ceil(connections / targets / (localPorts * SHARE_OF_PORTS));
    faults.push(
      `${Math.round(perSource)} connections from one address to one port, and there are ${localPorts} local ports to be had quickly: ${isLocal ? `--shards ${enough}, or ` : ''}${range}`,
    );
  }
  return faults;
}

/** What may not work; empty when all is well. */
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
