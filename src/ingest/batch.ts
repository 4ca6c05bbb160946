import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { fieldError, GatewayError } from '../errors';
import { channelOf, ROOT_CHANNEL } from '../wire/channel';
import type { EventToPublish } from './publisher';

/** One event of a batch. Data that is not a string is stored as JSON text; as parsed, since zod would drop keys. */
const ENVELOPE = z.strictObject(
  {
    channel: z.string('must be a string').default(ROOT_CHANNEL),
    event: z.string('must be a string or null').nullable().default(null),
    data: z.unknown().refine((data) => data !== undefined, 'is missing'),
    key: z.string('must be a string or null').nullable().default(null),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `has ${issue.keys.join(', ')}; an event may have channel, event, data and key`
        : 'must be an object with data, and maybe channel, event and key',
  },
);

const JSON_TYPES = ['application/json', ''];
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];

/**
 * The events of a batch body, in order; a GatewayError stands for each that is not valid.
 * @param contentType the header, undefined counts as JSON
 * @throws GatewayError `unsupported-media-type`; `not-utf8`; `bad-json` when nothing can be read; `event-too-large` over `maxEvents`; `invalid-envelope` without events
 */
export function parseBatch(
  body: Buffer,
  contentType: string | undefined,
  maxEvents: number,
): (EventToPublish | GatewayError)[] {
  const type = (contentType ?? '').split(';')[0]!.trim().toLowerCase();
  const values = NDJSON_TYPES.includes(type) ? parseLines(body) : parseWhole(body, type);
  if (values.length > maxEvents) {
    throw new GatewayError('event-too-large', `the batch has over ${maxEvents} events`, {
      details: { maxEvents },
    });
  }
  if (values.length === 0)
    throw new GatewayError(
      'invalid-envelope',
      'the batch has no events; send an object, an array or lines of them',
    );
  return values.map((value) => (value instanceof GatewayError ? value : eventOf(value)));
}

function parseWhole(body: Buffer, type: string): unknown[] {
  if (!JSON_TYPES.includes(type)) {
    const types = [JSON_TYPES[0], NDJSON_TYPES[0]].join(' or ');
    throw fieldError('unsupported-media-type', 'Content-Type', `a batch is ${types}, not ${type}`);
  }
  const value = parseJson(textOf(body), 'the body');
  if (value instanceof GatewayError) throw value;
  return Array.isArray(value) ? value : [value];
}

function parseLines(body: Buffer): unknown[] {
  const lines = textOf(body).split(/\r?\n/);
  const values = lines.filter((line) => line.trim() !== '').map((line) => parseJson(line, 'the line'));
  if (values.length > 0 && values.every((value) => value instanceof GatewayError)) throw values[0];
  return values;
}

/** Decoding invalid UTF-8 would store replacement characters. */
function textOf(body: Buffer): string {
  if (isUtf8(body)) return body.toString();
  throw fieldError('not-utf8', 'body', 'the body is not UTF-8');
}

/** @param what named in the error */
function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return new GatewayError('bad-json', `${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function eventOf(value: unknown): EventToPublish | GatewayError {
  const parsed = ENVELOPE.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join('.') ?? '';
    return new GatewayError('invalid-envelope', `${field || 'the event'} ${issue?.message}`, {
      details: field === '' ? {} : { field },
    });
  }
  const { event, data, key } = parsed.data;
  const channel = channelOf(parsed.data.channel);
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return (
    surrogateFault({ channel, event, data: text, key }) ?? {
      channel,
      event,
      data: Buffer.from(text),
      key,
      idempotencyKey: null,
    }
  );
}

/** JSON can escape half of a surrogate pair, which UTF-8 cannot encode: a replacement character would be stored. */
function surrogateFault(fields: Readonly<Record<string, string | null>>): GatewayError | null {
  for (const [field, text] of Object.entries(fields)) {
    if (text === null || text.isWellFormed()) continue;
    return fieldError('not-utf8', field, `${field} must not have half of a surrogate pair`);
  }
  return null;
}
