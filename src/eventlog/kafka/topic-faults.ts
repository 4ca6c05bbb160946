import { performance } from 'node:perf_hooks';
import type { KafkaConfig } from '../../config';
import type { Service } from '../event-log';
import type { ClusterView, TopicFault } from './cluster/cluster';
import { missingRight } from './kafka-rights';
import { TrackedService } from './tracked-service';

export interface TopicFaultsOptions {
  readonly kafka: KafkaConfig;
  readonly topics: readonly string[];
}

/** Which topics in use are missing or hidden, by the brokers' word on the topics themselves. */
export class TopicFaults {
  readonly #kafka: KafkaConfig;
  readonly #services: ReadonlyMap<string, TrackedService>;
  readonly #doubtedSinceMs = new Map<string, number>();

  constructor({ kafka, topics }: TopicFaultsOptions) {
    this.#kafka = kafka;
    this.#services = new Map(topics.map((topic) => [topic, new TrackedService('starting')]));
  }

  /**
   * A broker may not know a topic for a moment after its start: one that is read counts as missing only when that is
   * still so a while later.
   */
  follow({ faults }: ClusterView, isRead: (topic: string) => boolean): void {
    for (const [topic, service] of this.#services) {
      const fault = faults.get(topic);
      if (fault === undefined) {
        this.#doubtedSinceMs.delete(topic);
        service.become('ok');
        continue;
      }
      if (fault.state === 'missing' && isRead(topic)) {
        const sinceMs = this.#doubtedSinceMs.get(topic) ?? performance.now();
        this.#doubtedSinceMs.set(topic, sinceMs);
        if (service.isOk && performance.now() - sinceMs < this.#kafka.livenessMs / 2) continue;
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
