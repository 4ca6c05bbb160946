import type { Audience } from './audience';
import type { Clock } from './pacing';
import type { Subscriber } from './subscriber';

export interface SchedulerOptions {
  readonly clock: Clock;
  /** Writes after which the event loop gets its turn. */
  readonly writesPerTurn: number;
  /** Connections accepted so far. */
  readonly accepted: () => number;
  /** After each turn. */
  readonly onTurn: () => void;
}

/**
 * Node accepts one connection in each round of its event loop, and a turn of fan-out takes a whole round: while clients
 * connect, fan-out leaves out this many rounds between two turns, but no more than fit in this time: a round may also
 * answer many requests, and 1,000 streams that resumed at once held up all others for 400 ms.
 */
const ACCEPTS_PER_TURN = 50;
const ACCEPTING_MS = 20;
/** Bytes of a slice that count as one more write: a slice costs more than a chunk that members share. */
const SLICE_BYTES_PER_WRITE = 512;
/**
 * Time after which no further stream is served alone in a turn: how long a slice takes says little about its bytes. Clients
 * that connect, and publishers among them, wait for a whole turn each: 1,000 streams that resumed kept publishers waiting
 * for 7 s when a turn took 30 ms.
 */
const CATCH_UP_MS = 5;
/** A timer would not keep a shorter wait. */
const SHORTEST_WAIT_MS = 1;

/**
 * Serves all audiences in turn, a bounded number of writes at a time, so that accepting, reading Kafka and health
 * checks go on under any load. Subscribers that catch up get at most half of a turn while there is live work, and no more
 * than `CATCH_UP_MS`.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #live: Audience[] = [];
  #catchUp: Subscriber[] = [];
  /** Audiences that gather more events before their next pass, each with what cancels its timer. */
  readonly #waiting = new Map<Audience, () => void>();
  /** Time that passes took, without what `#servingSinceMs` began. */
  #workMs = 0;
  /** While audiences are served: since when. */
  #servingSinceMs = 0;
  /** They have more than this gateway has read, and wait until it has read on. */
  readonly #ahead = new Set<Subscriber>();
  #immediate: NodeJS.Immediate | null = null;
  #accepted = 0;
  #acceptsLeft = ACCEPTS_PER_TURN;
  #turnEndedMs = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  addAudience(audience: Audience): void {
    if (audience.isQueued) return;
    audience.isQueued = true;
    this.#live.push(audience);
    this.#wake();
  }

  addSubscriber(subscriber: Subscriber): void {
    if (subscriber.isQueued) return;
    subscriber.isQueued = true;
    this.#catchUp.push(subscriber);
    this.#wake();
  }

  /** Queues a subscriber when this gateway has read on. */
  addAhead(subscriber: Subscriber): void {
    this.#ahead.add(subscriber);
  }

  removeAhead(subscriber: Subscriber): void {
    this.#ahead.delete(subscriber);
  }

  /** This gateway has read on. */
  wakeAhead(): void {
    for (const subscriber of this.#ahead) this.addSubscriber(subscriber);
    this.#ahead.clear();
  }

  /** The audiences that have something to serve, without those that wait. */
  get busy(): readonly Audience[] {
    return this.#live;
  }

  /** The audiences that have something to serve, and wait for more. */
  get waiting(): Iterable<Audience> {
    return this.#waiting.keys();
  }

  /** An audience that waits does so no longer. */
  release(audience: Audience): void {
    if (!this.#stopWaiting(audience)) return;
    this.#live.push(audience);
    this.#wake();
  }

  /** It is closed. */
  forget(audience: Audience): void {
    if (this.#stopWaiting(audience)) audience.isQueued = false;
  }

  /** Time that passes of all audiences have taken until now. Only while one is being served. */
  workUntil(nowMs: number): number {
    return this.#workMs + nowMs - this.#servingSinceMs;
  }

  close(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#live = [];
    this.#catchUp = [];
  }

  #wake(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = null;
      if (this.#isAccepting()) this.#wake();
      else this.#turn();
    });
  }

  #isAccepting(): boolean {
    const accepted = this.#options.accepted();
    const isAccepting =
      accepted !== this.#accepted &&
      this.#acceptsLeft > 0 &&
      this.#options.clock.nowMs() - this.#turnEndedMs < ACCEPTING_MS;
    this.#accepted = accepted;
    this.#acceptsLeft = isAccepting ? this.#acceptsLeft - 1 : ACCEPTS_PER_TURN;
    return isAccepting;
  }

  #turn(): void {
    const { writesPerTurn } = this.#options;
    const forCatchUp = this.#live.length > 0 ? writesPerTurn / 2 : writesPerTurn;
    this.#serveLive(writesPerTurn - this.#serveCatchUp(forCatchUp));
    this.#options.onTurn();
    this.#turnEndedMs = this.#options.clock.nowMs();
    if (this.#live.length > 0 || this.#catchUp.length > 0) this.#wake();
  }

  #serveLive(budget: number): void {
    const turn = this.#live;
    if (turn.length === 0) return;
    this.#live = [];
    this.#servingSinceMs = this.#options.clock.nowMs();
    let left = budget;
    let i = 0;
    for (; i < turn.length && left > 0; i++) {
      const audience = turn[i]!;
      if (this.#waits(audience)) continue;
      left -= audience.serve(left);
      audience.isQueued = !audience.isIdle;
      if (audience.isQueued) this.#live.push(audience);
    }
    // Audiences that had no turn come first the next time, those with more to serve last.
    if (i < turn.length) this.#live = turn.slice(i).concat(this.#live);
    this.#workMs = this.workUntil(this.#options.clock.nowMs());
  }

  /** Lets an audience wait when its next pass is not due. The turn's beginning stands for now, unless it says so. */
  #waits(audience: Audience): boolean {
    if (audience.isPassing || audience.isIdle) return false;
    if (audience.nextPassMs(this.#workMs) <= this.#servingSinceMs) return false;
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const waitMs = audience.nextPassMs(this.workUntil(nowMs)) - nowMs;
    if (waitMs < SHORTEST_WAIT_MS) return false;
    this.#waiting.set(
      audience,
      clock.after(waitMs, () => this.release(audience)),
    );
    return true;
  }

  #stopWaiting(audience: Audience): boolean {
    const cancel = this.#waiting.get(audience);
    if (cancel === undefined) return false;
    this.#waiting.delete(audience);
    cancel();
    return true;
  }

  /** Answers what it took from the turn, in writes. */
  #serveCatchUp(budget: number): number {
    const turn = this.#catchUp;
    if (turn.length === 0) return 0;
    const { clock } = this.#options;
    const untilMs = clock.nowMs() + CATCH_UP_MS;
    this.#catchUp = [];
    let used = 0;
    let i = 0;
    for (; i < turn.length && used < budget && (i === 0 || clock.nowMs() < untilMs); i++) {
      const subscriber = turn[i]!;
      subscriber.isQueued = false;
      used += 1 + subscriber.audience.catchUp.serve(subscriber) / SLICE_BYTES_PER_WRITE;
    }
    if (i < turn.length) this.#catchUp = turn.slice(i).concat(this.#catchUp);
    return used;
  }
}
