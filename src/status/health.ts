import type { Config } from '../config';
import type {
  ConnectionStatus,
  EventLog,
  LogStatus,
  PartitionStatus,
  ServiceState,
} from '../eventlog/event-log';
import type { OpenStreams } from '../sse/open-streams';
import type { RegistryStatus, SchemaRegistry } from '../values/schema-registry';

export interface HealthDeps {
  readonly log: EventLog;
  readonly lifecycle: Lifecycle;
  readonly streams: OpenStreams;
  readonly maxStreams: number;
  readonly ingest: boolean;
  /** The event log has been reached and the ring filled from it. */
  readonly isWarm: () => boolean;
  /** `any`: part of the topics is enough; `all`: every partition of every topic must be served. */
  readonly readyWhen: Config['readyWhen'];
  /** Null: there is none. */
  readonly registry?: Pick<SchemaRegistry, 'status'> | null;
  /** After this long an open transaction counts as trouble. */
  readonly heldBackMs: number;
}

/** A topic, or partitions of it, that cannot be served although the gateway may be ready. */
interface Degraded {
  readonly topic: string;
  readonly what: 'read' | 'append';
  /** `held-back`: an open transaction of another producer blocks the records behind it for every reader. */
  readonly state: ServiceState | 'held-back';
  /** Absent when the whole topic is concerned, except for `held-back`. */
  readonly partitions?: readonly number[];
  /** ISO 8601. */
  readonly since: string;
  readonly detail: string | null;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
  /** By topic, in the order of the configuration; empty when everything is served. */
  readonly degraded: readonly Degraded[];
}

/** Ready: a request made now would be served. Answered from memory, so that a probe costs nothing. */
export function readiness(deps: HealthDeps): Readiness {
  const { log, lifecycle, streams, maxStreams, ingest, isWarm, readyWhen } = deps;
  const status = log.status();
  const degraded = [...degradedOf(status, deps.heldBackMs)].filter(({ what }) => what === 'read' || ingest);
  const side = (what: Degraded['what'], { connected, state }: ConnectionStatus) => {
    // No other gateway could read past an open transaction.
    const isWhole = (it: Degraded) => it.what !== what || it.state === 'held-back';
    const whole = readyWhen === 'any' || degraded.every(isWhole);
    return { ok: connected && whole, detail: connected && !whole ? 'not all topics' : state };
  };
  const checks = {
    consumer: side('read', status.consumer),
    ...(ingest ? { producer: side('append', status.producer) } : {}),
    ring: { ok: isWarm(), detail: isWarm() ? 'warm' : 'filling' },
    ...registryCheck(deps.registry?.status() ?? null),
    streams: { ok: streams.count < maxStreams, detail: `${streams.count} of ${maxStreams}` },
    lifecycle: { ok: lifecycle.state === 'running', detail: lifecycle.state },
  };
  return { ready: Object.values(checks).every(({ ok }) => ok), checks, degraded };
}

const HELD_BACK = 'an open transaction of another producer blocks the records behind it';

function* degradedOf({ consumer, topics }: LogStatus, heldBackMs: number): Iterable<Degraded> {
  for (const { topic, read, append } of topics) {
    const own = consumer.partitions.filter((status) => status.topic === topic);
    const unread = own.filter((status) => status.read.state !== 'ok').map(({ partition }) => partition);
    const partitions = unread.length < own.length && unread.length > 0 ? { partitions: unread } : {};
    if (read.state !== 'ok') yield { topic, what: 'read', ...partitions, ...read };
    if (append.state !== 'ok') yield { topic, what: 'append', ...append };
    const heldBack = heldBackFor(own, heldBackMs);
    if (heldBack.length > 0) {
      const since = heldBack.map(({ heldBackSince }) => heldBackSince!).toSorted()[0]!;
      const held = heldBack.map(({ partition }) => partition);
      yield { topic, what: 'read', state: 'held-back', partitions: held, since, detail: HELD_BACK };
    }
  }
}

/**
 * While it rejects the credentials an operator must do something. While it is away what needs it waits, and other topics are
 * served.
 */
function registryCheck(status: RegistryStatus | null): Record<string, { ok: boolean; detail: string }> {
  if (status === null) return {};
  return { registry: { ok: status.state !== 'forbidden', detail: status.detail ?? status.state } };
}

/** The first check that fails, with its detail; null when ready. */
export function firstFailure(deps: HealthDeps): string | null {
  const failed = Object.entries(readiness(deps).checks).find(([, { ok }]) => !ok);
  return failed === undefined ? null : `${failed[0]}: ${failed[1].detail}`;
}

/** The partitions that an open transaction has blocked for at least `ms`. */
export function heldBackFor(partitions: readonly PartitionStatus[], ms: number): readonly PartitionStatus[] {
  const nowMs = Date.now();
  return partitions.filter(
    ({ heldBackSince }) => heldBackSince !== null && nowMs - Date.parse(heldBackSince) >= ms,
  );
}

/** The state of the gateway: only gateway.ts changes it, all others read it. */
export interface Lifecycle {
  state: 'starting' | 'running' | 'draining';
}
