import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'yaml';
import { repositoryRoot } from '../../infra/local/repository';
import { startGateway } from '../support/gateway';
import { parsePromql } from '../support/promql';
import { until } from '../support/until';

const read = (path: string) => readFileSync(join(repositoryRoot(), 'infra/observability', path), 'utf8');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

const dashboard = JSON.parse(read('grafana/dashboards/gateway.json')) as {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition: string }[] };
};
const rules = parse(read('alerts.yml')) as {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: Record<string, string>;
      readonly annotations: Record<string, string>;
    }[];
  }[];
};
const prometheus = parse(read('prometheus.yml'));
const datasources = parse(read('grafana/provisioning/datasources/prometheus.yml'));
const providers = parse(read('grafana/provisioning/dashboards/dashboards.yml'));
const compose = parse(readFileSync(join(repositoryRoot(), 'docker-compose.yml'), 'utf8'), { merge: true });

const alerts = rules.groups.flatMap((group) => group.rules);
const drawn = dashboard.panels.filter(({ type }) => type !== 'row');

/** Grafana's own variables stand where Prometheus wants a duration; the others are inside strings. */
const queries = [
  ...drawn.flatMap(({ title, targets }) =>
    targets!.map(({ expr }) => [`panel ${title}`, expr.replaceAll('$__rate_interval', '1m')] as const),
  ),
  ...dashboard.templating.list.map(
    ({ name, definition }) =>
      [`variable ${name}`, /^label_values\((.*), \w+\)$/.exec(definition)![1]!] as const,
  ),
  ...alerts.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
];

/** What Prometheus adds to every series of a target. */
const TARGET_LABELS = ['job', 'instance'];

/** The labels of each metric of a gateway. */
async function scrapedLabels(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { url } = await startGateway();
  // Node tells of a collection only after there was one.
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const text = await until(async () => {
    const found = await (await fetch(`${url}/metrics`)).text();
    return found.includes('nodejs_gc_duration_seconds_sum') ? found : null;
  }, 'a collection is counted');
  const labelsOf = new Map<string, Set<string>>([['up', new Set(TARGET_LABELS)]]);
  for (const line of text.split('\n')) {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const all = labelsOf.get(name) ?? new Set(TARGET_LABELS);
    for (const [, label] of labels.matchAll(/(\w+)="/g)) all.add(label!);
    labelsOf.set(name, all);
  }
  return labelsOf;
}

describe('PromQL of the dashboard and alerts', () => {
  it('uses metrics and labels that a gateway has', async () => {
    const scraped = await scrapedLabels();
    expect(queries.length).toBeGreaterThan(50);
    const faults: string[] = [];
    for (const [where, expression] of queries) {
      const { selectors, groupedBy } = parsePromql(expression);
      const metrics = selectors.map(({ metric }) => metric);
      expect(metrics).not.toEqual([]);
      for (const { metric, labels } of selectors) {
        const known = scraped.get(metric);
        if (known === undefined) faults.push(`${where}: there is no ${metric}`);
        else
          for (const label of labels)
            if (!known.has(label)) faults.push(`${where}: ${metric} has no ${label}`);
      }
      for (const label of groupedBy) {
        if (!metrics.some((metric) => scraped.get(metric)?.has(label)))
          faults.push(`${where}: nothing in it has ${label}`);
      }
    }
    expect(faults).toEqual([]);
  });

  it('takes percentiles from histograms only', async () => {
    const scraped = await scrapedLabels();
    const quantiles = queries.filter(([, expression]) => expression.includes('histogram_quantile'));
    expect(quantiles.length).toBeGreaterThan(5);
    for (const [, expression] of quantiles) {
      const { metric } = parsePromql(expression).selectors[0]!;
      expect([metric, scraped.get(metric)!.has('le')]).toEqual([metric, true]);
    }
    expect(queries.filter(([, expression]) => /\bquantile[=(]|avg\w*\(.*_p\d\d/.test(expression))).toEqual(
      [],
    );
  });

  it('is rejected if it is not valid', () => {
    for (const text of ['sum by (', 'rate(a[1m]', 'a{b=}', '{a="b"}', ''])
      expect(() => {
        if (parsePromql(text).selectors.length === 0) throw new Error('nothing is asked');
      }).toThrow();
    expect(parsePromql('sum by (c) (rate(a{b="x"}[5m])) / on (d) e')).toEqual({
      selectors: [
        { metric: 'a', labels: ['b'] },
        { metric: 'e', labels: [] },
      ],
      groupedBy: ['c', 'd'],
    });
  });
});

describe('the dashboard', () => {
  it('has a fixed uid, and lets job and instance be chosen in every panel', () => {
    expect(dashboard.uid).toBe('kafka-sse-gateway');
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['job', 'instance']);
    for (const { title, targets } of drawn) {
      for (const { expr } of targets!) {
        for (const { labels } of parsePromql(expr.replaceAll('$__rate_interval', '1m')).selectors)
          expect([title, labels]).toEqual([title, expect.arrayContaining(['job', 'instance'])]);
        expect(expr).toContain('job=~"$job",instance=~"$instance"');
      }
    }
  });

  it('asks the data source that is provisioned', () => {
    const [{ uid, type, url }] = datasources.datasources;
    for (const { title, datasource } of drawn) expect([title, datasource]).toEqual([title, { type, uid }]);
    expect(url).toBe('http://prometheus:9090');
  });

  it('has panels that do not overlap, each with an id and a title of its own', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(title).not.toBe('');
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`)).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
  });
});

describe('the alerts', () => {
  it('have a name of their own, a severity and a sentence', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations } of alerts) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(page|ticket)$/)]);
      expect(annotations.summary).toMatch(/\w/);
    }
  });
});

describe('the scrape in compose', () => {
  const { services, secrets } = compose;

  it('finds all gateways by the name of the service, and sends the key from the environment', () => {
    const [job] = prometheus.scrape_configs;
    expect(job.dns_sd_configs).toEqual([
      {
        names: ['gateway'],
        type: 'A',
        port: Number(services.gateway.environment.PORT),
        refresh_interval: '5s',
      },
    ]);
    const [{ source, target }] = services.prometheus.secrets;
    expect(job.authorization).toEqual({ credentials_file: `/run/secrets/${target}` });
    expect(secrets[source]).toEqual({ environment: 'ADMIN_KEY' });
    expect(services.gateway.environment.ADMIN_KEY).toMatch(/^\$\{ADMIN_KEY:-\}$/);
  });

  it('is answered with the key only, and to nobody elsewhere without one', async () => {
    // As from another machine: a proxy's header makes a request no local one.
    const elsewhere = { 'X-Forwarded-For': '203.0.113.5' };
    const locked = await startGateway({ ADMIN_KEY: '' });
    expect((await fetch(`${locked.url}/metrics`, { headers: elsewhere })).status).toBe(404);
    expect(
      (await fetch(`${locked.url}/metrics`, { headers: { ...elsewhere, Authorization: 'Bearer ' } })).status,
    ).toBe(404);
    const { url } = await startGateway({ ADMIN_KEY: 'key' });
    const scrape = (key: string) =>
      fetch(`${url}/metrics`, { headers: { ...elsewhere, Authorization: `Bearer ${key}` } });
    expect((await scrape('key')).status).toBe(200);
    expect((await scrape('another')).status).toBe(401);
  });

  it('has its files where they are looked for', () => {
    const mounts = (service: string) =>
      new Map((services[service].volumes as string[]).map((volume) => volume.split(':') as [string, string]));
    expect(mounts('prometheus').get('./infra/observability/prometheus.yml')).toBe(
      '/etc/prometheus/prometheus.yml',
    );
    expect(prometheus.rule_files).toEqual(['alerts.yml']);
    expect(mounts('prometheus').get('./infra/observability/alerts.yml')).toBe('/etc/prometheus/alerts.yml');
    expect(services.prometheus.command).toContain('--config.file=/etc/prometheus/prometheus.yml');
    expect(mounts('grafana').get('./infra/observability/grafana/provisioning')).toBe(
      '/etc/grafana/provisioning',
    );
    expect(mounts('grafana').get('./infra/observability/grafana/dashboards')).toBe(
      providers.providers[0].options.path,
    );
  });
});
