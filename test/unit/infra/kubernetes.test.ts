import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { repositoryRoot } from '../../../infra/local/repository';
import { parseLoadConfig } from '../../../loadtest/src/config.ts';
import { parseConfig, SETTINGS } from '../../../src/config';
import { MAX_HEARTBEAT_SECONDS } from '../../../src/sse/stream-query';

const read = (path: string) => readFileSync(join(repositoryRoot(), 'infra/k8s', path), 'utf8');
const [deployment, service] = parseAllDocuments(read('base/gateway.yaml')).map((document) => document.toJS());
const [container] = deployment.spec.template.spec.containers;

function literalsOf(path: string): Record<string, string> {
  const [{ literals }] = parse(read(path)).configMapGenerator as [{ literals: string[] }];
  return Object.fromEntries(literals.map((literal) => /^([^=]+)=(.*)$/.exec(literal)!.slice(1)));
}

const settings = {
  ...literalsOf('base/kustomization.yaml'),
  ...literalsOf('overlays/example/kustomization.yaml'),
};
const config = parseConfig(settings);

// That the manifests are valid, and fit each other: infra/k8s/check.
describe('the manifests', () => {
  it('give settings that exist, with values that are accepted', () => {
    expect(Object.keys(settings).filter((name) => !(name in SETTINGS))).toEqual([]);
    expect(config.kafka.brokers).not.toEqual([]);
    expect(config.eventLog).toBe('kafka');
    expect(container.ports).toEqual([{ name: 'http', containerPort: config.http.port }]);
  });

  it.each(['gateway', 'ticker', 'aggregator'])('let %s finish before it is killed', (name) => {
    const [{ spec }] = parseAllDocuments(read(`base/${name}.yaml`)).map((document) => document.toJS());
    const { drainMs, finishMs } = config.shutdown;
    expect(spec.template.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(drainMs + finishMs);
  });

  it('probe the gateway’s liveness and readiness routes, and restart nothing without Kafka', () => {
    expect(container.livenessProbe.httpGet.path).toBe('/healthz');
    expect(container.startupProbe.httpGet.path).toBe('/healthz');
    expect(container.readinessProbe.httpGet.path).toBe('/readyz');
    expect(service.spec.publishNotReadyAddresses).toBe(true);
  });

  it('leave the ingress time for the longest silence, and room for the largest batch', () => {
    const { annotations } = parse(read('base/ingress.yaml')).metadata;
    const named = (name: string) => annotations[`nginx.ingress.kubernetes.io/${name}`];
    expect(named('proxy-buffering')).toBe('off');
    const silentSeconds = Number(named('proxy-read-timeout'));
    expect(silentSeconds * 1_000).toBeGreaterThan(4 * config.streams.heartbeatMs);
    expect(silentSeconds).toBeGreaterThan(MAX_HEARTBEAT_SECONDS);
    expect(named('proxy-body-size')).toBe('1m');
    expect(config.ingest.maxBatchBytes).toBe(1 << 20);
    expect(named('proxy-next-upstream')).not.toContain('non_idempotent');
  });

  it('open to the outside only what is for the outside', () => {
    const paths = parse(read('base/ingress.yaml')).spec.rules[0].http.paths.map(
      ({ path, pathType }: Record<string, string>) => `${path} ${pathType}`,
    );
    expect(paths).toEqual([
      '/events Exact',
      '/sse Exact',
      '/subscribe Prefix',
      '/broadcast Prefix',
      '/grants Exact',
      '/connections Exact',
      '/kafka/status Exact',
      '/ Exact',
      '/web Prefix',
    ]);
  });

  it('divide the load test as the script is told', () => {
    const { spec } = parse(read('loadtest/testrun.yaml'));
    const env = Object.fromEntries(
      spec.runner.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    const load = parseLoadConfig(env);
    expect(load.shards).toBe(spec.parallelism);
    expect(load.baseUrls).toEqual(['http://gateway.events.svc']);
    expect(spec.script.localFile).toBe('/app/loadtest/sse.js');
    expect(readFileSync(join(repositoryRoot(), 'infra/k6.Dockerfile'), 'utf8')).toMatch(
      /AS operator\n(.+\n)*WORKDIR \/app\nCOPY loadtest\/sse\.js loadtest\/sse\.js\n/,
    );
  });
});
