import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderIncludes, workerPlan } from '../../../infra/local/nginx-includes';
import { repositoryRoot } from '../../../infra/local/repository';
import { MAX_HEARTBEAT_SECONDS } from '../../../src/sse/stream-query';

describe('nginx’s worker plan', () => {
  it.each([
    { streams: 50_000, hardLimit: 20_000, cores: 2 },
    { streams: 50_000, hardLimit: 1_048_576, cores: 2 },
    { streams: 50_000, hardLimit: Number.POSITIVE_INFINITY, cores: 64 },
    { streams: 1_000, hardLimit: 1_024, cores: 8 },
    { streams: 10, hardLimit: 256, cores: 1 },
  ])('holds $streams streams when a process may open $hardLimit files', ({ streams, hardLimit, cores }) => {
    const plan = workerPlan(streams, hardLimit, cores);
    expect(plan.workers * plan.connections).toBeGreaterThanOrEqual(streams * 2);
    expect(plan.connections).toBeLessThan(plan.descriptors);
    expect(plan.descriptors).toBeLessThanOrEqual(hardLimit);
    for (const number of Object.values(plan)) expect(Number.isInteger(number)).toBe(true);
  });

  it('does not start a worker per core for a few streams', () => {
    expect(workerPlan(1_000, 65_536, 64).workers).toBeLessThanOrEqual(2);
  });
});

describe('nginx.conf', () => {
  it('bears the longest silence that a client may ask for', () => {
    const text = readFileSync(join(repositoryRoot(), 'infra/nginx/nginx.conf'), 'utf8');
    const streams = text.slice(text.indexOf('proxy_pass http://streams;'));
    expect(Number(/proxy_read_timeout (\d+)s;/.exec(streams)![1])).toBeGreaterThan(MAX_HEARTBEAT_SECONDS);
  });
});

describe('nginx’s included files', () => {
  const render = (platform: NodeJS.Platform) =>
    renderIncludes({
      upstreams: ['127.0.0.1:3001', '127.0.0.1:3002'],
      port: 8080,
      directory: '/run/with "quotes"',
      plan: { workers: 6, connections: 19_744, descriptors: 20_000 },
      platform,
    });

  it('name each gateway once', () => {
    expect(render('linux')['upstream.conf'].match(/^server \S+/gm)).toEqual([
      'server 127.0.0.1:3001',
      'server 127.0.0.1:3002',
    ]);
  });

  it('carry the plan and keep every file in the given directory', () => {
    const { 'process.conf': main, 'server.conf': server } = render('linux');
    expect(main).toContain('worker_processes 6;');
    expect(main).toContain('worker_rlimit_nofile 20000;');
    expect(main).toContain('worker_connections 19744;');
    expect(main).toContain('pid "/run/with \\"quotes\\"/nginx.pid";');
    for (const path of server.match(/_temp_path .*/g)!) expect(path).toContain('"/run/with \\"quotes\\"/');
  });

  it('use per-worker queues only where the kernel fills them evenly', () => {
    expect(render('linux')['server.conf']).toMatch(/^listen 8080 reuseport so_keepalive=\S+ /);
    expect(render('darwin')['server.conf']).toMatch(/^listen 8080 so_keepalive=on /);
  });
});
