import type { EventLog } from '../eventlog/event-log';
import type { Lifecycle } from '../lifecycle';
import type { OpenStreams } from '../sse/open-streams';

export interface HealthDeps {
  readonly log: EventLog;
  readonly lifecycle: Lifecycle;
  readonly streams: OpenStreams;
  readonly maxStreams: number;
  readonly ingest: boolean;
  /** The log has been reached and the ring filled from it. */
  readonly isWarm: () => boolean;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
}

/** Ready: what a client could ask for now would be served. Answered from memory, so that a probe costs nothing. */
export function readiness({ log, lifecycle, streams, maxStreams, ingest, isWarm }: HealthDeps): Readiness {
  const { consumer, producer } = log.status();
  const checks = {
    consumer: { ok: consumer.connected, detail: consumer.state },
    ...(ingest ? { producer: { ok: producer.connected, detail: producer.state } } : {}),
    ring: { ok: isWarm(), detail: isWarm() ? 'warm' : 'filling' },
    streams: { ok: streams.count < maxStreams, detail: `${streams.count} of ${maxStreams}` },
    lifecycle: { ok: lifecycle.state === 'running', detail: lifecycle.state },
  };
  return { ready: Object.values(checks).every(({ ok }) => ok), checks };
}

/** The first check that fails, with its detail; null when ready. */
export function firstFailure(deps: HealthDeps): string | null {
  const failed = Object.entries(readiness(deps).checks).find(([, { ok }]) => !ok);
  return failed === undefined ? null : `${failed[0]}: ${failed[1].detail}`;
}
