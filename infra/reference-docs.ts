import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SETTINGS } from '../src/config';
import { AUTH_SETTINGS } from '../src/config/auth-settings';
import { EVENT_LOG_SETTINGS } from '../src/config/event-log-settings';
import { FANOUT_SETTINGS } from '../src/config/fanout-settings';
import { HTTP_SETTINGS } from '../src/config/http-settings';
import { INGEST_SETTINGS } from '../src/config/ingest-settings';
import { KAFKA_SETTINGS } from '../src/config/kafka-settings';
import { PROCESS_SETTINGS, ROLE_SETTINGS } from '../src/config/process-settings';
import { STREAM_SETTINGS } from '../src/config/stream-settings';
import { TOPICS_FILE_SCHEMA } from '../src/config/topics-file';
import { VALUE_SETTINGS } from '../src/config/value-settings';
import { OBSERVED_METRICS, PREFIX, READ_METRICS } from '../src/status/metrics';
import { repositoryRoot } from './local/repository';

/** Writes docs/settings.md and docs/metrics.md from the code (`npm run docs`). A unit test fails when they are stale. */

type SettingName = keyof typeof SETTINGS;

/** The settings that most deployments look at, in the order in which people set them. */
const COMMON: Readonly<Record<string, readonly SettingName[]>> = {
  'Server and logs': ['PORT', 'HOST', 'NODE_ENV', 'LOG_LEVEL', 'LOG_FORMAT'],
  Kafka: [
    'KAFKA_BROKERS',
    'KAFKA_TOPICS',
    'TOPICS_FILE',
    'KAFKA_SSL',
    'KAFKA_SSL_CA_FILE',
    'KAFKA_SASL_MECHANISM',
    'KAFKA_SASL_USERNAME',
    'KAFKA_SASL_PASSWORD',
    'KAFKA_TOPIC_REPLICATION',
    'READY_WHEN',
  ],
  'Who may read and publish': [
    'API_KEYS',
    'JWT_JWKS_URL',
    'JWT_KEY_FILE',
    'JWT_ISSUER',
    'JWT_AUDIENCE',
    'JWT_COOKIE',
    'PUBLIC_CHANNELS',
    'ADMIN_KEY',
    'CORS_ORIGINS',
    'TRUST_PROXY',
  ],
  Streams: [
    'MAX_STREAMS',
    'MAX_STREAMS_PER_IP',
    'HEARTBEAT_MS',
    'SLOW_GRACE_MS',
    'RING_RECORDS',
    'RING_BYTES',
    'DRAIN_MS',
  ],
  Publishing: ['INGEST', 'MAX_EVENT_BYTES', 'MAX_INGEST_EVENTS_PER_SECOND'],
};

const ADVANCED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  HTTP: HTTP_SETTINGS,
  Process: PROCESS_SETTINGS,
  'Event log': EVENT_LOG_SETTINGS,
  'Kafka, further': KAFKA_SETTINGS,
  'Values and schema registry': VALUE_SETTINGS,
  'Ring, fan-out and replay': FANOUT_SETTINGS,
  'Streams, further': STREAM_SETTINGS,
  'Publishing, further': INGEST_SETTINGS,
  'Keys and tokens': AUTH_SETTINGS,
  'Ticker and aggregator': ROLE_SETTINGS,
};

const BY_SCRIPT =
  '<!-- Written by `npm run docs` (infra/reference-docs.ts). Change the code, not this file. -->';

/** The documents that are written from the code, by path. */
export const REFERENCE_DOCS: Readonly<Record<string, () => string>> = {
  'docs/settings.md': settingsDocument,
  'docs/metrics.md': metricsDocument,
  'docs/topics.schema.json': topicsSchema,
};

/** Lets editors complete and check TOPICS_FILE. */
function topicsSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(TOPICS_FILE_SCHEMA, { io: 'input' });
  return `${JSON.stringify({ $schema, title: 'TOPICS_FILE of kafka-sse-gateway', ...schema }, null, 2)}\n`;
}

function settingsDocument(): string {
  const common = Object.values(COMMON).flat();
  const advanced = Object.entries(ADVANCED).map(
    ([group, table]) =>
      [group, (Object.keys(table) as SettingName[]).filter((name) => !common.includes(name))] as const,
  );
  return `# Settings

${BY_SCRIPT}

Settings are environment variables. The gateway checks all of them at start, reports every fault at once, and exits with
code 2. An empty variable counts as unset. A number has no unit, because the unit is in the name: \`_MS\` is milliseconds,
\`_BYTES\` is bytes. Words may be in any case, \`true\` and \`yes\` mean \`on\`, and Kafka's own spellings are accepted
(\`SCRAM-SHA-512\`, \`SSL://host:port\`). A misspelt or renamed setting is an error that names the right one.

## Common

These ${common.length} are the ones that most deployments look at. All others are under [Advanced](#advanced).

${Object.entries(COMMON)
  .map(([group, names]) => settingGroup(group, names))
  .join('\n\n')}

## Advanced

The defaults suit 18,000 streams in one process of one core. Change these for a reason.

${advanced.map(([group, names]) => settingGroup(group, names)).join('\n\n')}
`;
}

function settingGroup(heading: string, names: readonly SettingName[]): string {
  const rows = names.map((name) => {
    const schema = SETTINGS[name];
    return `| \`${name}\` | ${presetOf(schema.safeParse(undefined).data)} | ${schema.description} |`;
  });
  return [`### ${heading}`, '', '| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

function presetOf(preset: unknown): string {
  if (typeof preset === 'boolean') return preset ? 'on' : 'off';
  if (typeof preset === 'number' || typeof preset === 'string') return String(preset);
  return '';
}

function metricsDocument(): string {
  const metrics = Object.entries({ ...READ_METRICS, ...OBSERVED_METRICS });
  const rows = metrics.map(([name, { type, labels, help }]) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${PREFIX}${name}\` | ${type} | ${shown} | ${help} |`;
  });
  return `# Metrics

${BY_SCRIPT}

\`GET /metrics\` has these for Prometheus; [deploy.md](deploy.md#prometheus) says how to scrape them and which to watch. Every
series exists from the start, at zero. Beside them are prom-client's \`process_*\` and \`nodejs_*\`.

| metric | type | labels | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}

if (require.main === module) {
  for (const [path, write] of Object.entries(REFERENCE_DOCS)) {
    writeFileSync(join(repositoryRoot(), path), write());
    process.stdout.write(`${path} written\n`);
  }
}
