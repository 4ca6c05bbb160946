import type { KafkaConfig } from '../../config';
import type { Service, ServiceState, TopicStatus } from '../event-log';
import type { ClusterView, TopicFault } from './cluster/cluster';
import type { TopicRights } from './protocol/metadata-request';

/** From good to bad. */
const WORSENING: readonly ServiceState[] = [
  'ok',
  'starting',
  'waiting',
  'interrupted',
  'forbidden',
  'missing',
];

/** What can be done with one partition or topic at the moment, and since when. */
export class TrackedService {
  #current: Service;

  constructor(state: ServiceState) {
    this.#current = serviceNow(state, null);
  }

  get current(): Service {
    return this.#current;
  }

  get isOk(): boolean {
    return this.#current.state === 'ok';
  }

  /** Kafka serves it, whether or not the listener can take it. */
  get isServed(): boolean {
    return this.isOk || this.#current.state === 'waiting';
  }

  /** The time stays while the state does; the detail is the latest. */
  become(state: ServiceState, detail: string | null = null): void {
    if (state !== this.#current.state) this.#current = serviceNow(state, detail);
    else if (detail !== this.#current.detail) this.#current = { ...this.#current, detail };
  }
}

function serviceNow(state: ServiceState, detail: string | null): Service {
  return { state, since: new Date().toISOString(), detail };
}

/** The worst of several, and of equally bad ones the oldest. Null when there are none. */
export function worstOf(services: Iterable<Service>): Service | null {
  let worst: Service | null = null;
  for (const service of services) {
    if (worst === null || isWorse(service, worst)) worst = service;
  }
  return worst;
}

function isWorse(a: Service, b: Service): boolean {
  if (a.state !== b.state) return WORSENING.indexOf(a.state) > WORSENING.indexOf(b.state);
  return a.since < b.since;
}

/** Which topics in use are missing or hidden, as the brokers say of the topics themselves. */
export class TopicFaults {
  readonly #kafka: KafkaConfig;
  readonly #services: ReadonlyMap<string, TrackedService>;
  readonly #doubtedSinceMs = new Map<string, number>();

  constructor({ kafka, topics }: { readonly kafka: KafkaConfig; readonly topics: readonly string[] }) {
    this.#kafka = kafka;
    this.#services = new Map(topics.map((topic) => [topic, new TrackedService('starting')]));
  }

  /** A broker may not know a topic just after its start: one in use counts as missing only when it stays so. */
  follow({ faults }: ClusterView, isInUse: (topic: string) => boolean): void {
    for (const [topic, service] of this.#services) {
      const fault = faults.get(topic);
      if (fault === undefined) {
        this.#doubtedSinceMs.delete(topic);
        service.become('ok');
        continue;
      }
      if (fault.state === 'missing' && isInUse(topic)) {
        const sinceMs = this.#doubtedSinceMs.get(topic) ?? performance.now();
        this.#doubtedSinceMs.set(topic, sinceMs);
        if (service.isOk && performance.now() - sinceMs < this.#kafka.silenceMs / 2) continue;
      }
      service.become(fault.state, this.#detailOf(topic, fault));
    }
  }

  /** Of a topic in use; `ok` when there is nothing wrong with the topic itself. */
  of(topic: string): Service {
    return this.#services.get(topic)!.current;
  }

  /** The last broker asked did not know the topic, but it does not count as missing yet. */
  isDoubtful(topic: string): boolean {
    return this.#doubtedSinceMs.has(topic) && this.#services.get(topic)!.isOk;
  }

  #detailOf(topic: string, { state, error, nearest }: TopicFault): string {
    if (state === 'missing') {
      const meant = nearest === null ? '' : `; did you mean ${nearest}?`;
      return `topic ${topic} does not exist and is served as soon as it does${meant}`;
    }
    return state === 'forbidden' ? missingRight(this.#kafka, 'Describe', topic) : error.message;
  }
}

/** Says which right is missing, on which topic and for whom, and how to give it. */
export function missingRight(
  { sasl, ssl }: Pick<KafkaConfig, 'sasl' | 'ssl'>,
  right: 'Read' | 'Write' | 'Describe',
  topic: string,
): string {
  if (sasl === null && ssl?.cert != null)
    return `the subject of the client certificate lacks the right ${right} on topic ${topic}`;
  if (sasl !== null && !('username' in sasl))
    return `the principal of the ${sasl.mechanism} token lacks the right ${right} on topic ${topic}`;
  // As brokers call it unless their configuration maps names.
  const principal = sasl === null ? 'User:ANONYMOUS' : `User:${sasl.username}`;
  return (
    `${principal} lacks the right ${right} on topic ${topic}: ` +
    `kafka-acls --add --allow-principal ${principal} --operation ${right} --topic ${topic}`
  );
}

/** @param rights unset: not known */
export function missingRights(
  kafka: KafkaConfig,
  topic: string,
  rights?: TopicRights,
): TopicStatus['missingRights'] {
  return {
    read: rights?.read === false ? missingRight(kafka, 'Read', topic) : null,
    write: rights?.write === false ? missingRight(kafka, 'Write', topic) : null,
  };
}
