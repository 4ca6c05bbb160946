import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nginxCommand } from '../../infra/local/nginx';
import { freePorts } from '../../infra/local/ports';
import { startChild } from '../../infra/local/supervised-child';
import { until } from './until';

const STOP_DEADLINE_MS = 5_000;
const closers: (() => Promise<void>)[] = [];

// Registered for each test file that imports this module.
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** nginx as it must not be in front of event streams: it collects 64 KiB before it passes anything on. Its URL. */
export async function startBufferingNginx(upstream: string): Promise<string> {
  const [port] = await freePorts(1);
  const directory = await mkdtemp(join(tmpdir(), 'buffering-nginx-'));
  await mkdir(join(directory, 'temp'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  await writeFile(
    join(directory, 'nginx.conf'),
    `pid ${directory}/nginx.pid; error_log stderr warn; events { worker_connections 1024; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${directory}/temp/${name};`).join('\n')}
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass ${upstream};
          # As older versions do unless told. Of a body in chunks it would pass on each at once.
          proxy_http_version 1.0;
          proxy_buffering on;
          proxy_ignore_headers X-Accel-Buffering;
          proxy_buffer_size 64k;
          proxy_buffers 8 64k;
        }
      }
    }`,
  );
  const child = startChild({
    name: 'buffering nginx',
    command: nginxCommand()!,
    args: ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;'],
    removeOnOrphan: directory,
  });
  closers.push(async () => {
    await child.stop({ deadlineMs: STOP_DEADLINE_MS });
    await rm(directory, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exit() !== null) throw new Error(`nginx ended:\n${child.lastLines()}`);
    return fetch(`${url}/healthz`, { headers: { connection: 'close' } }).then(
      ({ status }) => status === 200,
      () => false,
    );
  }, 'the buffering nginx answers');
  return url;
}
