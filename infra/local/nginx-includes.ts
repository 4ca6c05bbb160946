import { join } from 'node:path';

export interface ClientLimits {
  readonly streams: number;
  readonly postsPerSecond: number;
  /** Burst: posts above the rate. */
  readonly burst: number;
}

/** Two connections per stream: to the client and to the gateway. */
const DESCRIPTORS_PER_STREAM = 2;
/** Listeners, log, event queue, and requests that are no streams. */
const SPARE_DESCRIPTORS = 256;
/** Enough for one worker; each connection costs nginx memory before it is used. */
const MAX_DESCRIPTORS = 65_536;
/** The kernel spreads connections over the workers' accept queues by hash, not evenly. */
const IMBALANCE = 1.15;

/** Workers and connections for `streams` under a limit of open files per process that cannot be raised. */
export function workerPlan(
  streams: number,
  hardLimit: number,
  cores: number,
): { workers: number; connections: number; descriptors: number } {
  const descriptors = Math.min(hardLimit, MAX_DESCRIPTORS);
  const connections = Math.max(descriptors - SPARE_DESCRIPTORS, Math.floor(descriptors / 2));
  const needed = Math.ceil((streams * DESCRIPTORS_PER_STREAM * IMBALANCE) / connections);
  return { workers: Math.max(1, needed, Math.min(cores, needed * 2)), connections, descriptors };
}

/** The files that nginx.conf includes, by name; `directory` is where nginx may write. */
export function renderIncludes(options: {
  readonly upstreams: readonly string[];
  readonly port: number;
  readonly directory: string;
  readonly plan: ReturnType<typeof workerPlan>;
  readonly platform: NodeJS.Platform;
  readonly corsOrigins?: readonly string[];
  readonly limits?: ClientLimits;
}): Record<'process.conf' | 'http.conf' | 'server.conf' | 'upstream.conf', string> {
  const { upstreams, port, directory, plan, platform, corsOrigins = [], limits } = options;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  // Only on Linux reuseport spreads connections, and keepalive times can be set.
  const tuning = platform === 'linux' ? ' reuseport so_keepalive=60s:15s:4' : ' so_keepalive=on';
  return {
    'process.conf': [
      `pid ${quote(join(directory, 'nginx.pid'))};`,
      'error_log stderr warn;',
      `worker_processes ${plan.workers};`,
      `worker_rlimit_nofile ${plan.descriptors};`,
      'worker_shutdown_timeout 30s;',
      'events {',
      `    worker_connections ${plan.connections};`,
      '    multi_accept on;',
      '}',
      '',
    ].join('\n'),
    'http.conf': [
      `map "" $cors_origins { default ${quote(corsOrigins.join(','))}; }`,
      ...(limits === undefined ? [] : limitDirectives(limits)),
      '',
    ].join('\n'),
    'server.conf': [
      `listen ${port}${tuning} backlog=4096 sndbuf=64k;`,
      ...temporary.map((name) => `${name}_temp_path ${quote(join(directory, name))};`),
      '',
    ].join('\n'),
    // nginx forgets counted failures only when a stream ends: a recovered gateway would get hardly any streams.
    'upstream.conf': upstreams.map((server) => `server ${server} max_fails=0;\n`).join(''),
  };
}

/** Ten megabytes hold the state of some 160,000 IPv4 addresses. */
function limitDirectives({ streams, postsPerSecond, burst }: ClientLimits): string[] {
  return [
    'limit_conn_zone $stream_client zone=stream_clients:10m;',
    `limit_conn stream_clients ${streams};`,
    'limit_conn_status 429;',
    `limit_req_zone $ingest_client zone=ingest_clients:10m rate=${postsPerSecond}r/s;`,
    `limit_req zone=ingest_clients burst=${burst} nodelay;`,
    'limit_req_status 429;',
  ];
}

function quote(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}
