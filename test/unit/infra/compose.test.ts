import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { COMPOSE_IMAGES } from '../../../infra/local/docker';
import { KAFKA_VERSION } from '../../../infra/local/kafka-jars';
import { renderIncludes, workerPlan } from '../../../infra/local/nginx-includes';
import { repositoryRoot } from '../../../infra/local/repository';
import { parseConfig, SETTINGS } from '../../../src/config';

type Service = Record<string, unknown> & {
  readonly image?: string;
  readonly build?: { readonly dockerfile: string };
  readonly environment?: Record<string, string | number | null>;
  readonly ports?: readonly string[];
  readonly depends_on?: Record<string, { readonly condition: string }>;
};

interface ComposeFile {
  readonly services: Record<string, Service>;
  readonly volumes: Record<string, null>;
  readonly configs: Record<string, { readonly file?: string; readonly content?: string }>;
}

const read = (path: string) => readFileSync(join(repositoryRoot(), path), 'utf8');
const parseCompose = (text: string) =>
  parse(text, {
    merge: true,
    // Compose's own: takes away what the file before said.
    customTags: [{ tag: '!reset', collection: 'seq' }],
  }) as ComposeFile;

/** As compose does it with nothing set: `${NAME:-default}`; `${NAME:+…}` is nothing. */
const withDefaults = (text: string) =>
  text.replace(/\$\{\w+:-([^}]*)\}/g, '$1').replace(/\$\{\w+:\+[^}]*\}/g, '');

const compose = parseCompose(withDefaults(read('docker-compose.yml')));
const cluster = parseCompose(read('docker-compose.cluster.yml'));
const PROGRAMS = ['gateway', 'ticker', 'aggregator'];

/** Unset in the file: from the user's own `.env`, which is not the file's to fix. */
function settingsOf(file: ComposeFile, service: string): Record<string, string> {
  const environment = Object.entries(file.services[service]?.environment ?? {});
  return Object.fromEntries(environment.map(([name, value]) => [name, String(value ?? '')]));
}

function milliseconds(duration: unknown): number {
  return Number(/^(\d+)s$/.exec(String(duration))![1]) * 1_000;
}

describe('docker-compose.yml', () => {
  it('has what docs/deploy.md promises', () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      ['aggregator', 'gateway', 'grafana', 'kafka', 'loadtest', 'nginx', 'prometheus', 'ticker'].sort(),
    );
    expect(compose.services.gateway!.deploy).toEqual({ replicas: '3' });
    expect(compose.services.loadtest!.profiles).toEqual(['loadtest']);
    for (const service of ['prometheus', 'grafana'])
      expect(compose.services[service]!.profiles).toEqual(['observability']);
  });

  it.each(PROGRAMS)('gives %s only settings that exist, with values that are accepted', (service) => {
    const known = [...Object.keys(SETTINGS), 'NODE_OPTIONS'];
    for (const file of [compose, cluster]) {
      const settings = settingsOf(file, service);
      expect(Object.keys(settings).filter((name) => !known.includes(name))).toEqual([]);
    }
    const config = parseConfig({ ...settingsOf(compose, service), ...settingsOf(cluster, service) });
    expect(config.kafka.createTopics.replication).toBe(3);
    expect(config.kafka.brokers).toHaveLength(3);
    expect(config.topics.map(({ name, base }) => `${name} ${base}`)).toEqual([
      'events-topic /',
      `${config.summaryTopic} /summary`,
    ]);
  });

  it('has no variable of its own that the gateway would take for a misspelt setting', () => {
    // All of them may stand in the `.env` that the gateways get.
    const text = `${read('docker-compose.yml')}${read('docker-compose.cluster.yml')}`;
    const names = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(10);
    const own = names.filter((name) => !(name in SETTINGS));
    expect(() => parseConfig(Object.fromEntries(own.map((name) => [name, 'x'])))).not.toThrow();
  });

  it.each(PROGRAMS)('lets %s finish before it is killed', (service) => {
    const { shutdown } = parseConfig({});
    const grace = milliseconds(compose.services[service]!.stop_grace_period);
    expect(grace).toBeGreaterThan(shutdown.drainMs + shutdown.finishMs);
  });

  it('publishes ports below those that Linux gives to outgoing connections', () => {
    const ports = Object.values(compose.services).flatMap((service) => service.ports ?? []);
    expect(ports).toEqual(['127.0.0.1:9092:9092', '8080:80', '127.0.0.1:9090:9090', '127.0.0.1:3030:3000']);
  });

  it('names a version of every image that it does not build', () => {
    for (const file of [compose, cluster]) {
      for (const [name, { image, build }] of Object.entries(file.services)) {
        if (build === undefined && image !== undefined) {
          expect([name, image]).toEqual([name, expect.stringMatching(/^[a-z/]+:(stable|v?\d+\.\d+\.\d+)$/)]);
        }
      }
    }
    for (const dockerfile of ['infra/gateway.Dockerfile', 'infra/k6.Dockerfile']) {
      const text = read(dockerfile);
      for (const [, image] of text.matchAll(/^FROM (\S+)/gm)) {
        expect(image).toMatch(/^(node:\d+-bookworm-slim|golang:\d+\.\d+-bookworm|busybox:\d+\.\d+|scratch)$/);
      }
      // Where no registry can be reached, the frontend could not be pulled.
      expect(text).not.toMatch(/^#\s*syntax=/m);
    }
  });

  it('has the Kafka that the tests run, and pulls what its test looks for', () => {
    expect(compose.services.kafka!.image).toBe(`apache/kafka:${KAFKA_VERSION}`);
    const [, node] = /^FROM (\S+)/m.exec(read('infra/gateway.Dockerfile'))!;
    expect(COMPOSE_IMAGES).toEqual([node, compose.services.nginx!.image, compose.services.kafka!.image]);
  });

  it('runs nothing with more rights than it needs', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      expect([name, service.cap_drop, service.security_opt, service.init]).toEqual([
        name,
        ['ALL'],
        ['no-new-privileges:true'],
        true,
      ]);
      if (PROGRAMS.includes(name)) expect(service.read_only).toBe(true);
    }
    expect(compose.services.nginx!.user).toBe('101:101');
    expect(read('infra/gateway.Dockerfile')).toMatch(/^USER node$/m);
  });

  it('starts gateways without Kafka', () => {
    for (const service of PROGRAMS) {
      expect(compose.services[service]!.depends_on).toEqual({ kafka: { condition: 'service_started' } });
    }
  });

  it('refers to files and volumes that exist', () => {
    for (const { file } of Object.values(compose.configs)) {
      if (file !== undefined) expect([file, existsSync(join(repositoryRoot(), file))]).toEqual([file, true]);
    }
    for (const { build, volumes } of Object.values(compose.services)) {
      for (const volume of (volumes ?? []) as string[]) {
        const path = volume.split(':')[0]!;
        if (path.startsWith('./'))
          expect([path, existsSync(join(repositoryRoot(), path))]).toEqual([path, true]);
      }
      if (build !== undefined) expect(existsSync(join(repositoryRoot(), build.dockerfile))).toBe(true);
    }
    for (const file of [compose, cluster]) {
      const used = Object.values(file.services)
        .flatMap(({ volumes }) => (volumes ?? []) as string[])
        .filter((volume) => !volume.startsWith('./'));
      expect(used.map((volume) => volume.split(':')[0]).sort()).toEqual(Object.keys(file.volumes).sort());
    }
  });
});

describe('compose’s nginx', () => {
  const included = [...read('infra/nginx/nginx.conf').matchAll(/^\s*include local\/(\S+);/gm)].map(
    ([, name]) => name!,
  );
  const rendered = renderIncludes({
    upstreams: ['gateway:3000'],
    port: 80,
    directory: '/tmp',
    plan: workerPlan(50_000, 20_000, 2),
    platform: 'linux',
  });

  it('has every file that nginx.conf includes', () => {
    const { configs } = compose.services.nginx! as unknown as { configs: { target: string }[] };
    expect(configs.map(({ target }) => target).sort()).toEqual(
      ['/etc/nginx/nginx.conf', ...new Set(included.map((name) => `/etc/nginx/local/${name}`))].sort(),
    );
    expect(Object.keys(rendered).sort()).toEqual([...new Set(included)].sort());
  });

  it('holds as many streams as the stack’s where a process may open 20,000 files', () => {
    const directives = (text: string) =>
      text.match(/^\s*(worker_\w+|multi_accept|error_log) .*;/gm)!.map((line) => line.trim());
    expect(directives(read('infra/nginx/compose/process.conf'))).toEqual(
      directives(rendered['process.conf']),
    );
  });

  it('listens as the stack’s does', () => {
    const listen = (text: string) => /^listen .*$/m.exec(text)![0];
    expect(listen(read('infra/nginx/compose/server.conf'))).toBe(listen(rendered['server.conf']));
  });
});

describe('.env.example', () => {
  const lines = read('.env.example').split('\n');
  const assigned = lines
    .map((line) => /^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name, value]) => [name!, value!] as const);

  it('names only settings, each once', () => {
    const composeOnly = [...read('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
    const known = [...Object.keys(SETTINGS), ...composeOnly];
    const names = assigned.map(([name]) => name);
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('is accepted as a whole', () => {
    // The files are the reader's own.
    const env = assigned.filter(([name]) => !name.endsWith('_FILE'));
    expect(parseConfig(Object.fromEntries(env)).eventLog).toBe('kafka');
  });

  it('shows the default of what it shows commented out', () => {
    const shown = lines
      .map((line) => /^# ([A-Z][A-Z0-9_]*)=(.*)$/.exec(line))
      .filter((match) => match !== null);
    for (const [, name, value] of shown) {
      const schema = SETTINGS[name as keyof typeof SETTINGS];
      const preset: unknown = schema?.safeParse(undefined).data;
      if (typeof preset === 'number' || typeof preset === 'string')
        expect([name, value]).toEqual([name, String(preset)]);
    }
  });
});
