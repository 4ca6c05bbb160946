import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertPortFree, freePorts } from './ports';
import { repositoryRoot } from './repository';
import { describeExit, type Exit, type SupervisedChild, startChild } from './supervised-child';

export interface NginxOptions {
  /** `host:port` of each gateway. */
  readonly upstreams: readonly string[];
  /** 0 (default): a free port. */
  readonly port?: number;
  /** As CORS_ORIGINS of the gateways: exact origins that may read what nginx says itself; default any. */
  readonly corsOrigins?: readonly string[];
  /** What one client address may take; default all it wants. */
  readonly limits?: ClientLimits;
  /** Streams that must fit, default 50,000; decides the number of worker processes. */
  readonly streams?: number;
  /** Each line that nginx prints; default nowhere. */
  readonly onOutput?: (line: string) => void;
  /** nginx ended and nobody had told it to. */
  readonly onCrash?: (exit: Exit) => void;
}

export interface ClientLimits {
  readonly streams: number;
  readonly postsPerSecond: number;
  /** Posts at once, over the rate. */
  readonly burst: number;
}

export interface Nginx {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Of the master process. */
  readonly pid: number;
  /** Ends it with all its streams. May be called more than once. */
  close(): Promise<void>;
}

const DEFAULT_STREAMS = 50_000;
const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 5_000;
const PROBE_PAUSE_MS = 20;

/** Debian keeps it where only root's PATH looks. */
const PLACES = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'];

/** The command to start nginx with; null when there is none. */
export function nginxCommand(): string | null {
  return PLACES.find((place) => spawnSync(place, ['-v']).status === 0) ?? null;
}

/** Why no nginx can be started on this machine, with what to install; null when it can. */
export function missingForNginx(): string | null {
  return nginxCommand() === null
    ? 'nginx is not installed: `apt-get install nginx-light` (Debian, Ubuntu) or `brew install nginx` (macOS).'
    : null;
}

/** Two sides for each stream. */
const DESCRIPTORS_PER_STREAM = 2;
/** Listeners, log, event queue, and requests that are no streams. */
const SPARE_DESCRIPTORS = 256;
/** Enough for one worker; each connection costs nginx memory before it is used. */
const MAX_DESCRIPTORS = 65_536;
/** The kernel spreads connections over the workers' accept queues by hash, not evenly. */
const IMBALANCE = 1.15;

/** Workers and connections so that `streams` fit under a limit of open files per process that cannot be raised. */
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
  // Elsewhere reuseport does not spread connections, and the keepalive times cannot be set.
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
    // Counted failures would be forgotten only when a stream has ended: a gateway that is back would get hardly any.
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

/**
 * Starts nginx with infra/nginx/nginx.conf in front of `upstreams` and waits until it answers. It ends with this
 * process, however that ends.
 *
 * @throws Error when nginx is missing, does not accept the configuration or does not start; nothing is left running
 */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const { upstreams, streams = DEFAULT_STREAMS, onOutput, onCrash } = options;
  const command = nginxCommand();
  if (command === null) throw new Error(missingForNginx() ?? '');
  const port = options.port === undefined || options.port === 0 ? (await freePorts(1))[0]! : options.port;
  // nginx with reuseport would share a taken port with another nginx in silence.
  await assertPortFree(port, 'nginx');

  const directory = await mkdtemp(join(tmpdir(), 'nginx-'));
  let child: SupervisedChild | null = null;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      await child?.stop({ deadlineMs: STOP_DEADLINE_MS });
      await rm(directory, { recursive: true, force: true });
    })();
    return closing;
  };
  try {
    // Started by root, its workers are somebody else.
    await chmod(directory, 0o755);
    const plan = workerPlan(streams, openFilesLimit(), availableParallelism());
    await mkdir(join(directory, 'local'));
    await copyFile(join(repositoryRoot(), 'infra/nginx/nginx.conf'), join(directory, 'nginx.conf'));
    const { corsOrigins = [], limits } = options;
    const includes = renderIncludes({
      upstreams,
      port,
      directory,
      plan,
      platform: process.platform,
      corsOrigins,
      ...(limits === undefined ? {} : { limits }),
    });
    for (const [name, text] of Object.entries(includes)) {
      await writeFile(join(directory, 'local', name), text);
    }
    const nginx = startChild({
      name: 'nginx',
      command,
      args: ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;'],
      removeOnOrphan: directory,
      ...(onOutput === undefined ? {} : { onLine: onOutput }),
    });
    child = nginx;
    void nginx.exited.then((exit) => {
      if (closing === null) onCrash?.(exit);
    });
    await untilAnswering(port, nginx);
    return { url: `http://127.0.0.1:${port}`, pid: nginx.pid, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Hard limit of open files per process; `unlimited` is Infinity. */
function openFilesLimit(): number {
  const limit = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim();
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
}

function quote(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}

async function untilAnswering(port: number, nginx: SupervisedChild): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    const exit = nginx.exit();
    if (exit !== null) {
      await nginx.exited;
      throw new Error(`nginx ended while it started (${describeExit(exit)}):\n${nginx.lastLines()}`);
    }
    if (await answers(port)) return;
    if (Date.now() > deadline) {
      throw new Error(`nginx does not answer after ${START_DEADLINE_MS} ms:\n${nginx.lastLines()}`);
    }
    await sleep(PROBE_PAUSE_MS);
  }
}

/** Whether nginx itself answers; /metrics never reaches a gateway. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 404);
    });
    probe.on('error', () => resolve(false));
    probe.setTimeout(START_DEADLINE_MS, () => probe.destroy());
    probe.end();
  });
}
