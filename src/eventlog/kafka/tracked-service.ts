import type { Service, ServiceState } from '../event-log';

/** From what needs nothing done to what nobody can have. */
const WORSENING: readonly ServiceState[] = ['ok', 'starting', 'interrupted', 'forbidden', 'missing'];

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

  /** The time stays while the state does; the detail is the latest. */
  become(state: ServiceState, detail: string | null = null): void {
    if (state !== this.#current.state) this.#current = serviceNow(state, detail);
    else if (detail !== this.#current.detail) this.#current = { ...this.#current, detail };
  }
}

/** The worst of several; of equally bad ones that which is so for the longest time. Null when there are none. */
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

function serviceNow(state: ServiceState, detail: string | null): Service {
  return { state, since: new Date().toISOString(), detail };
}
