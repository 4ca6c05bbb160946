import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientLimits, renderIncludes, workerPlan } from './nginx-includes';
import { openFilesLimit } from './open-files';
import { assertPortFree, freePorts } from './ports';
import { repositoryRoot } from './repository';
import { type Exit, type SupervisedChild, startChild } from './supervised-child';
import { untilUp } from './until-up';

export interface NginxOptions {
  /** `host:port` of each gateway. */
  readonly upstreams: readonly string[];
  /** 0 (default): a free port. */
  readonly port?: number;
  /** As CORS_ORIGINS of the gateways: exact origins that may read nginx's own answers; default any. */
  readonly corsOrigins?: readonly string[];
  /** Limits per client address; default: none. */
  readonly limits?: ClientLimits;
  /** Streams that must fit, default 50,000; decides the number of worker processes. */
  readonly streams?: number;
  /** Each line that nginx prints; default: none. */
  readonly onOutput?: (line: string) => void;
  /** nginx ended unexpectedly. */
  readonly onCrash?: (exit: Exit) => void;
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

/** On Debian it is only on root's PATH. */
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

/**
 * Starts nginx with infra/nginx/nginx.conf in front of `upstreams` and waits until it answers. It ends when this
 * process ends, however it ends.
 *
 * @throws Error when nginx is missing, does not accept the configuration or does not start; nothing is left running
 */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const { upstreams, streams = DEFAULT_STREAMS, onOutput, onCrash } = options;
  const command = nginxCommand();
  if (command === null) throw new Error(missingForNginx() ?? '');
  const port = options.port === undefined || options.port === 0 ? (await freePorts(1))[0]! : options.port;
  // With reuseport, nginx would silently share a taken port with another nginx.
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
    // Started by root, its workers run as another user.
    await chmod(directory, 0o755);
    const plan = workerPlan(streams, openFilesLimit('hard'), availableParallelism());
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
    await untilUp(nginx, () => answerFault(port), {
      deadlineMs: START_DEADLINE_MS,
      pauseMs: PROBE_PAUSE_MS,
    });
    return { url: `http://127.0.0.1:${port}`, pid: nginx.pid, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Null when nginx itself answers; /metrics never reaches a gateway. */
function answerFault(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = request({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 404 ? null : `it answers ${response.statusCode}`);
    });
    probe.on('error', ({ message }) => resolve(message));
    probe.setTimeout(START_DEADLINE_MS, () => probe.destroy());
    probe.end();
  });
}
