import { createBackoff } from '../../backoff';
import type { AppendConfig, KafkaConfig } from '../../config';
import { rejectionOf } from './append-rejection';
import type { BrokerLinks, UseWatch } from './cluster/broker-links';
import { nameOf } from './cluster/broker-socket';
import type { Cluster } from './cluster/cluster';
import type { PartitionWriter } from './partition-writer';
import type { ProducerId } from './producer-sequence';
import type { BrokerAddress } from './protocol/metadata-request';
import { type PartitionBatch, produceRequest } from './protocol/produce-request';
import { ERROR_CODE, ProtocolError } from './protocol/protocol-error';
import { keyOf } from './protocol/request';

interface LeaderSenderOptions {
  readonly address: BrokerAddress;
  readonly kafka: KafkaConfig;
  readonly append: AppendConfig;
  readonly links: BrokerLinks;
  /** To ask a broker whether it is there, while its link is busy. */
  readonly probes: BrokerLinks;
  readonly producerId: ProducerId;
  /** The sender of this partition's leader; null while it has none. */
  senderOf(writer: PartitionWriter): LeaderSender | null;
  readonly cluster: Pick<Cluster, 'refresh'>;
  /** A request was answered with success after this long. */
  onProduced(durationMs: number): void;
  readonly watch: UseWatch;
  /** Whether the broker can be reached may have changed. */
  onChange(): void;
}

/** For a partition that a broker leaves out of its answer. */
const NO_ANSWER = { errorCode: ERROR_CODE.UNKNOWN_SERVER_ERROR, baseOffset: -1n };

const PINGS_PER_SILENCE = 4;

/** Sends a broker what is appended to its partitions, acks −1, one request at a time: batches grow with the load. */
export class LeaderSender {
  readonly name: string;
  readonly ended: Promise<void>;
  readonly #options: LeaderSenderOptions;
  /** Those with something to send; the one that waits longest is first. */
  readonly #waiting = new Set<PartitionWriter>();
  /** Null while the broker answers; at first it is not known whether it does. */
  #failure: Error | null = null;
  #wasReached = false;
  #sentMs = Number.POSITIVE_INFINITY;
  #probedMs = Number.NEGATIVE_INFINITY;
  #isProbing = false;
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(options: LeaderSenderOptions) {
    this.#options = options;
    this.name = nameOf(options.address);
    this.ended = this.#run();
  }

  get isReached(): boolean {
    return this.#wasReached && this.#failure === null;
  }

  /** Why the broker cannot be reached; null while it can, or as long as it was not tried. */
  get failure(): Error | null {
    return this.#failure;
  }

  offer(writer: PartitionWriter): void {
    this.#waiting.add(writer);
    // A broker that does not answer is tried again after its backoff, not earlier for this.
    if (this.#failure === null) this.#wake();
  }

  /** Judges whether the request in flight has been silent for too long; called regularly. */
  checkLiveness(): void {
    const { address, cluster, kafka, links, watch } = this.#options;
    const heardMs = Math.max(this.#sentMs, this.#probedMs, links.aliveUntilMs(address));
    const silentMs = performance.now() - heardMs;
    if (silentMs > kafka.silenceMs / PINGS_PER_SILENCE) this.#probe();
    if (silentMs <= kafka.silenceMs) return;
    if (this.#failure === null) this.lost(new Error(`${this.name}: an append is not answered`));
    // Another may lead by now.
    cluster.refresh().catch(watch.requestFailed);
  }

  lost(error: Error): void {
    this.#failure = error;
    this.#wake();
    if (!this.#isClosed) this.#options.onChange();
  }

  /** Sends nothing more; `ended` resolves when what is in flight is answered or lost. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    const { append, cluster, kafka, watch } = this.#options;
    const backoff = createBackoff(kafka.retryMinMs, append.breakerProbeMs);
    // What is appended in the same turn of the event loop belongs into the first request too.
    await Promise.resolve();
    while (!this.#isClosed) {
      try {
        if (!this.isReached) await this.#ping();
        if (this.#due().length > 0) await this.#send();
        else if (!(await this.#rest())) await this.#ping();
        backoff.reset();
      } catch (error) {
        this.#sentMs = Number.POSITIVE_INFINITY;
        if (this.#isClosed) return;
        watch.requestFailed();
        this.lost(error as Error);
        await this.#pause(backoff.nextMs());
        await cluster.refresh().catch(watch.requestFailed);
      }
    }
  }

  #due(): PartitionWriter[] {
    const nowMs = performance.now();
    const due: PartitionWriter[] = [];
    for (const writer of this.#waiting) {
      if (!writer.hasWork || this.#options.senderOf(writer) !== this) this.#waiting.delete(writer);
      else if (writer.waitMs(nowMs) === 0) due.push(writer);
    }
    return due;
  }

  /** Waits until a partition is due, at most for the pause between two pings: false when that is over. */
  async #rest(): Promise<boolean> {
    const nowMs = performance.now();
    const pingMs = this.#options.kafka.silenceMs / PINGS_PER_SILENCE;
    let waitMs = pingMs;
    for (const writer of this.#waiting) waitMs = Math.min(waitMs, writer.waitMs(nowMs));
    const isWoken = await this.#pause(waitMs);
    return isWoken || waitMs < pingMs;
  }

  /** True when it was woken before the time was over. */
  #pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isWoken: boolean) => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve(isWoken);
      };
      const timer = setTimeout(end, ms, false);
      this.#wake = () => end(true);
    });
  }

  async #ping(): Promise<void> {
    const { address, links } = this.#options;
    await links.ping(address);
    this.#answered();
  }

  #answered(): void {
    if (this.isReached) return;
    this.#wasReached = true;
    this.#failure = null;
    this.#options.onChange();
  }

  /** A request that is large or slow is no sign of a broker that hangs: a ping on another link tells. */
  #probe(): void {
    const { address, probes } = this.#options;
    if (this.#isProbing || this.#failure !== null) return;
    this.#isProbing = true;
    probes
      .ping(address)
      .then(
        () => {
          this.#probedMs = performance.now();
        },
        // `checkLiveness` judges its silence.
        () => undefined,
      )
      .finally(() => {
        this.#isProbing = false;
      });
  }

  async #send(): Promise<void> {
    const { address, append, cluster, kafka, links, onProduced, producerId, senderOf, watch } = this.#options;
    const link = await links.get(address);
    // Until it is sent, a record can still be taken back at its deadline.
    await link.pauseOver();
    let id: bigint;
    try {
      id = await producerId.get(link, kafka.requestTimeoutMs);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      watch.requestFailed();
      for (const writer of this.#due()) {
        if (error.code === ERROR_CODE.CLUSTER_AUTHORIZATION_FAILED)
          writer.reject(rejectionOf(writer, error.code));
        else writer.failed(error);
      }
      return;
    }
    const batches: PartitionBatch[] = [];
    const sent = new Map<PartitionWriter, number>();
    let recordsLeft = append.batchRecords;
    let bytesLeft = append.batchBytes;
    // Leaders may have changed while the link and the id were waited for.
    for (const writer of this.#due()) {
      if (recordsLeft <= 0 || bytesLeft <= 0) break;
      const sealed = writer.seal(id, recordsLeft, bytesLeft);
      if (sealed === null) continue;
      recordsLeft -= sealed.records;
      bytesLeft -= sealed.bytes.length;
      batches.push({ topic: writer.topic, partition: writer.partition, batch: sealed.bytes });
      sent.set(writer, sealed.tried);
      this.#waiting.delete(writer);
    }
    if (sent.size === 0) return;
    try {
      this.#sentMs = performance.now();
      const answer = await link.send(
        produceRequest(batches, append.deadlineMs),
        Math.min(kafka.requestTimeoutMs, append.deadlineMs + kafka.silenceMs),
      );
      const tookMs = link.exchangeMs;
      this.#sentMs = Number.POSITIVE_INFINITY;
      this.#answered();
      const answers = new Map(answer.batches.map((batch) => [keyOf(batch), batch]));
      let failures = 0;
      for (const [writer, tried] of sent) {
        if (writer.answered(tried, answers.get(keyOf(writer)) ?? NO_ANSWER) !== null) failures++;
      }
      if (failures === 0) onProduced(tookMs);
      else {
        watch.requestFailed();
        cluster.refresh().catch(watch.requestFailed);
      }
    } catch (error) {
      for (const [writer, tried] of sent) writer.lost(tried);
      throw error;
    } finally {
      for (const writer of sent.keys()) if (writer.hasWork) senderOf(writer)?.offer(writer);
    }
  }
}
