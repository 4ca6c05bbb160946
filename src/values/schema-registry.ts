import { performance } from 'node:perf_hooks';
import { type Backoff, createBackoff } from '../backoff';
import type { Config } from '../config';
import type { Logger } from '../logger';
import type { ByteReader } from './byte-reader';
import { type JsonValue, ValueError } from './decoded';
import { askRegistry, type RegistryAnswer } from './registry-request';

export type RegistryConfig = NonNullable<Config['values']['registry']>;

/** A schema as registries keep it. */
export interface RegisteredSchema {
  readonly type: 'AVRO' | 'PROTOBUF' | 'JSON';
  readonly text: string;
  /** What it refers to, each after what it needs itself. */
  readonly references: readonly NamedSchema[];
}

export interface NamedSchema {
  /** As the schema that refers to it calls it. */
  readonly name: string;
  readonly text: string;
}

/** Reads what follows the frame of a value. */
export type FramedReader = (reader: ByteReader) => JsonValue;

export type FoundSchema =
  | { readonly kind: 'known'; readonly read: FramedReader }
  | { readonly kind: 'unusable'; readonly reason: 'unknown-schema' | 'bad-schema' }
  | { readonly kind: 'pending'; readonly until: Promise<void> };

/** How the registry is. */
export interface RegistryStatus {
  readonly urls: readonly string[];
  /** `unused`: not asked yet. `forbidden`: it rejects the credentials. `interrupted`: no usable answer. */
  readonly state: 'unused' | 'ok' | 'interrupted' | 'forbidden';
  /** ISO 8601. */
  readonly since: string;
  /** What is wrong, and what to do; null when nothing is. */
  readonly detail: string | null;
  readonly schemas: number;
  /** Requests by how they ended. */
  readonly requests: Readonly<Record<RequestOutcome, number>>;
}

export const REQUEST_OUTCOMES = ['ok', 'unknown', 'failed', 'forbidden'] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

export interface SchemaRegistry {
  /** From memory. A schema that is not there is asked for, unless the registry has just failed. */
  find(id: number): FoundSchema;
  status(): RegistryStatus;
  /** Asks for something small, to find out whether the registry answers; the state tells. */
  probe(): Promise<void>;
  close(): void;
}

export interface SchemaRegistryDeps {
  readonly config: RegistryConfig;
  /** @throws ValueError `bad-schema` */
  readonly compile: (schema: RegisteredSchema) => FramedReader;
  readonly logger: Logger;
}

/** Codes of Confluent's API in the answer 404. Another 404 is not of a registry: the URL is wrong. */
const SCHEMA_NOT_FOUND = 40403;
/** Unknown ids are a stranger's input. */
const MAX_UNKNOWN = 10_000;
/** References of a schema, of those as well. */
const MAX_REFERENCES = 100;

/** The registry failed: nothing can be said of a schema. */
class RegistryFailure extends Error {
  readonly isForbidden: boolean;
  readonly retryAfterMs: number | null;

  constructor(message: string, isForbidden = false, retryAfterMs: number | null = null) {
    super(message);
    this.name = 'RegistryFailure';
    this.isForbidden = isForbidden;
    this.retryAfterMs = retryAfterMs;
  }
}

/** It said that there is no such schema. */
class UnknownSchema extends Error {}

/**
 * A schema registry with Confluent's API. An id means one schema for good, so that it is asked for once. While the registry
 * fails in any way, schemas are pending, never unknown: who needs them waits.
 */
export function createSchemaRegistry({ config, compile, logger }: SchemaRegistryDeps): SchemaRegistry {
  const closing = new AbortController();
  const found = new Map<number, FoundSchema>();
  /** When to ask again, by `performance.now()`; the oldest first. */
  const unknownUntilMs = new Map<number, number>();
  const pending = new Map<number, Promise<void>>();
  const backoff: Backoff = createBackoff(config.retryMinMs, config.retryMaxMs);
  const requests: Record<RequestOutcome, number> = { ok: 0, unknown: 0, failed: 0, forbidden: 0 };
  let notBeforeMs = 0;
  /** Index of the URL that answered last. */
  let first = 0;
  let state: RegistryStatus['state'] = 'unused';
  let since = new Date().toISOString();
  let detail: string | null = null;

  function become(now: RegistryStatus['state'], why: string | null): void {
    if (now !== state) {
      since = new Date().toISOString();
      if (now !== 'ok') logger.warn({ detail: why }, 'Schema registry fails; records that need it wait');
      else if (state !== 'unused') logger.info({}, 'Schema registry answers again');
    }
    state = now;
    detail = why;
  }

  /** Asks one URL after the other until one has an answer that counts. @throws RegistryFailure, UnknownSchema */
  async function ask(path: string, isMissing: (code: number) => boolean): Promise<Record<string, unknown>> {
    let failure: RegistryFailure | null = null;
    for (let i = 0; i < config.urls.length; i++) {
      const index = (first + i) % config.urls.length;
      try {
        const body = await askOne(config.urls[index]!, path, isMissing);
        first = index;
        return body;
      } catch (error) {
        if (error instanceof UnknownSchema) first = index;
        if (!(error instanceof RegistryFailure)) throw error;
        requests[error.isForbidden ? 'forbidden' : 'failed']++;
        failure = error;
      }
    }
    throw failure!;
  }

  async function askOne(
    base: string,
    path: string,
    isMissing: (code: number) => boolean,
  ): Promise<Record<string, unknown>> {
    let answer: RegistryAnswer;
    try {
      answer = await askRegistry(base, path, config, closing.signal);
    } catch (error) {
      throw new RegistryFailure(`${base} cannot be asked: ${(error as Error).message}`);
    }
    const { status, retryAfterMs } = answer;
    const body = (typeof answer.body === 'object' && answer.body !== null ? answer.body : {}) as Record<
      string,
      unknown
    >;
    if (status === 404 && isMissing(Number(body.error_code))) {
      requests.unknown++;
      throw new UnknownSchema();
    }
    if (status === 401 || status === 403)
      throw new RegistryFailure(
        `${base} answers ${status}: check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD, or SCHEMA_REGISTRY_TOKEN`,
        true,
      );
    if (status === 404 || (status >= 300 && status < 400))
      throw new RegistryFailure(
        `${base} answers ${status} as no registry does: check the path of SCHEMA_REGISTRY_URL`,
      );
    if (status !== 200) throw new RegistryFailure(`${base} answers ${status}`, false, retryAfterMs);
    if (answer.body === null) throw new RegistryFailure(`${base} answers with something other than JSON`);
    requests.ok++;
    return body;
  }

  async function schemaOf(id: number): Promise<RegisteredSchema> {
    const body = await ask(`/schemas/ids/${id}`, (code) => code === SCHEMA_NOT_FOUND);
    const { schema, schemaType = 'AVRO' } = body;
    if (typeof schema !== 'string')
      throw new RegistryFailure(`${config.urls[first]} answers without a schema: check SCHEMA_REGISTRY_URL`);
    if (schemaType !== 'AVRO' && schemaType !== 'PROTOBUF' && schemaType !== 'JSON')
      throw new ValueError('bad-schema', `schemas of type ${String(schemaType)} are not supported`);
    const references = new Map<string, NamedSchema>();
    await follow(body.references, references, new Set());
    return { type: schemaType, text: schema, references: [...references.values()] };
  }

  /** Fetches what a schema refers to, innermost first. */
  async function follow(listed: unknown, into: Map<string, NamedSchema>, open: Set<string>): Promise<void> {
    if (!Array.isArray(listed)) return;
    for (const { name, subject, version } of listed as Record<string, unknown>[]) {
      if (typeof name !== 'string' || typeof subject !== 'string' || !Number.isInteger(version))
        throw new ValueError('bad-schema', 'a reference has no name, subject and version');
      const place = `${subject} ${String(version)}`;
      if (into.has(name) || open.has(place)) continue;
      open.add(place);
      if (open.size > MAX_REFERENCES) throw new ValueError('bad-schema', 'it has too many references');
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${String(version)}`;
      const body = await ask(path, (code) => code >= 40401 && code <= 40403);
      if (typeof body.schema !== 'string')
        throw new RegistryFailure(`${config.urls[first]} answers without a schema`);
      await follow(body.references, into, open);
      into.set(name, { name, text: body.schema });
    }
  }

  async function fetchSchema(id: number): Promise<void> {
    try {
      const read = compile(await schemaOf(id));
      found.set(id, { kind: 'known', read });
      answered();
    } catch (error) {
      if (closing.signal.aborted) return;
      if (error instanceof UnknownSchema) noteUnknown(id);
      else if (error instanceof RegistryFailure) failed(error);
      else {
        logger.warn({ schemaId: id, detail: (error as Error).message }, 'Schema cannot be used');
        found.set(id, { kind: 'unusable', reason: 'bad-schema' });
        answered();
      }
    } finally {
      pending.delete(id);
    }
  }

  function answered(): void {
    backoff.reset();
    notBeforeMs = 0;
    become('ok', null);
  }

  function noteUnknown(id: number): void {
    const [oldest] = unknownUntilMs.keys();
    if (unknownUntilMs.size >= MAX_UNKNOWN) unknownUntilMs.delete(oldest!);
    unknownUntilMs.set(id, performance.now() + config.unknownMs);
    answered();
  }

  function failed({ message, isForbidden, retryAfterMs }: RegistryFailure): void {
    const pauseMs = Math.max(backoff.nextMs(), Math.min(retryAfterMs ?? 0, config.retryMaxMs));
    notBeforeMs = performance.now() + pauseMs;
    become(isForbidden ? 'forbidden' : 'interrupted', message);
  }

  return {
    find(id) {
      const known = found.get(id);
      if (known !== undefined) return known;
      const nowMs = performance.now();
      const untilMs = unknownUntilMs.get(id);
      if (untilMs !== undefined) {
        if (nowMs < untilMs) return UNKNOWN;
        unknownUntilMs.delete(id);
      }
      let until = pending.get(id);
      if (until === undefined) {
        if (nowMs < notBeforeMs || closing.signal.aborted)
          return { kind: 'pending', until: Promise.resolve() };
        until = fetchSchema(id);
        pending.set(id, until);
      }
      return { kind: 'pending', until };
    },
    status: () => ({
      urls: config.urls,
      state,
      since,
      detail,
      schemas: found.size,
      requests: { ...requests },
    }),
    async probe() {
      try {
        await ask('/schemas/types', () => false);
        answered();
      } catch (error) {
        if (!(error instanceof RegistryFailure)) throw error;
        failed(error);
      }
    },
    close: () => closing.abort(),
  };
}

const UNKNOWN: FoundSchema = { kind: 'unusable', reason: 'unknown-schema' };
