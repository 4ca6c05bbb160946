import { missingForNative } from '../bench/native-program';
import { missingForBrowser } from '../infra/local/chromium';
import { missingForClients } from '../infra/local/client-tools';
import { missingForCompose } from '../infra/local/docker';
import { missingForManifests } from '../infra/local/go';
import { missingForK6 } from '../infra/local/k6';
import { missingForKafka } from '../infra/local/kafka-jars';
import { missingForNginx } from '../infra/local/nginx';

/** One kind of test, run and counted together. */
export interface Tier {
  readonly name: string;
  /** A command that is one test by itself, or a jest project with the files of it that count. */
  readonly command?: readonly string[];
  readonly jest?: { readonly project: string; readonly files?: string };
  /** What is missing on this machine and how to get it, or null. */
  readonly missing?: () => string | null;
  readonly long?: true;
  /** Skipped, it says so as loudly as the others, but is no failure in CI: not every machine can have what it needs. */
  readonly optional?: true;
}

/** Cheap ones first. Every test file belongs to exactly one: test/unit/tiers.test.ts. */
export const TIERS: readonly Tier[] = [
  { name: 'lint', command: ['biome', 'check', '.'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'types-web', command: ['tsc', '-p', 'src/web', '--noEmit'] },
  { name: 'types-client', command: ['tsc', '-p', 'src/client', '--noEmit'] },
  { name: 'types-loadtest', command: ['tsc', '-p', 'loadtest'] },
  { name: 'unit', jest: { project: 'unit' } },
  { name: 'property', jest: { project: 'property' } },
  { name: 'http', jest: { project: 'http' } },
  { name: 'package', jest: { project: 'package' } },
  { name: 'conformance', jest: { project: 'conformance', files: 'conformance/direct' } },
  { name: 'contract-memory', jest: { project: 'contract', files: 'contract/memory' } },
  {
    name: 'contract-kafka',
    jest: { project: 'contract', files: 'contract/kafka' },
    missing: missingForKafka,
  },
  { name: 'bench', jest: { project: 'bench' }, missing: missingForNative },
  { name: 'broker', jest: { project: 'integration', files: 'integration/broker' }, missing: missingForKafka },
  { name: 'nginx', jest: { project: 'integration', files: 'integration/nginx' }, missing: missingForNginx },
  {
    name: 'conformance-nginx',
    jest: { project: 'conformance', files: 'conformance/nginx' },
    missing: missingForNginx,
  },
  {
    name: 'stack',
    jest: { project: 'integration', files: 'integration/stack' },
    missing: () => missingForKafka() ?? missingForNginx(),
  },
  // `-vet=all`: what `go vet` finds fails it as well.
  { name: 'k6', command: ['go', 'test', '-C', 'loadtest/k6', '-vet=all', './...'], missing: missingForK6 },
  // `-count=1`: Go would not see that a manifest has changed.
  {
    name: 'manifests',
    command: ['go', 'test', '-C', 'infra/k8s/check', '-vet=all', '-count=1', './...'],
    missing: missingForManifests,
  },
  {
    name: 'loadtest',
    jest: { project: 'loadtest' },
    missing: () => missingForK6() ?? missingForKafka() ?? missingForNginx(),
  },
  { name: 'browser', jest: { project: 'browser', files: 'page' }, missing: missingForBrowser },
  {
    name: 'browser-stack',
    jest: { project: 'browser', files: 'browser/stack' },
    missing: () => missingForBrowser() ?? missingForKafka() ?? missingForNginx(),
  },
  { name: 'clients', jest: { project: 'clients' }, missing: missingForClients },
  { name: 'issues', jest: { project: 'issues' }, missing: () => missingForKafka() ?? missingForNginx() },
  { name: 'fuzz', command: ['node', 'dist/test/fuzz/fuzz.js', '--inputs', '40000'] },
  {
    name: 'faults',
    jest: { project: 'faults' },
    missing: () => missingForKafka() ?? missingForNginx(),
    long: true,
  },
  {
    name: 'soak',
    command: ['node', 'dist/loadtest/soak/soak.js', '--minutes', '3'],
    missing: () => missingForKafka() ?? missingForNginx(),
    long: true,
  },
  {
    name: 'compose',
    jest: { project: 'compose' },
    missing: missingForCompose,
    long: true,
    optional: true,
  },
];
