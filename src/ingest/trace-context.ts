import type { IncomingHttpHeaders } from 'node:http';
import type { RecordHeader } from '../eventlog/event-log';

/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context/) of a request, as the record headers under which Kafka
 * clients pass it on. The gateway adds no spans: consumers continue the publisher's trace.
 */

const VERSION_0 = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
/** A later version may have more after a dash (§ Versioning of traceparent); `ff` is invalid. */
const LATER_VERSION = /^(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const ONLY_ZEROS = /^0+$/;

const MAX_STATE_LENGTH = 512;
const MAX_STATE_MEMBERS = 32;
const STATE_MEMBER =
  /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

const NONE: readonly RecordHeader[] = [];

/** None when the request has no `traceparent` or one that is not valid; `tracestate` counts only together with it. */
export function traceHeadersOf(headers: IncomingHttpHeaders): readonly RecordHeader[] {
  const parent = traceparentOf(headers.traceparent);
  if (parent === null) return NONE;
  const traceparent = { key: 'traceparent', value: Buffer.from(parent, 'latin1') };
  const state = tracestateOf(headers.tracestate);
  return state === null
    ? [traceparent]
    : [traceparent, { key: 'tracestate', value: Buffer.from(state, 'latin1') }];
}

/** In version 0, which is known here; null if invalid. */
function traceparentOf(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string') return null;
  const [, traceId, parentId, flags] = VERSION_0.exec(header) ?? LATER_VERSION.exec(header) ?? [];
  if (traceId === undefined || parentId === undefined) return null;
  if (ONLY_ZEROS.test(traceId) || ONLY_ZEROS.test(parentId)) return null;
  if (flags === undefined) return header;
  // Of a later version's flags only `sampled` is known.
  return `00-${traceId}-${parentId}-0${Number.parseInt(flags, 16) & 1}`;
}

/** Null if empty, too long or invalid: it is passed on whole or not at all. */
function tracestateOf(header: string | string[] | undefined): string | null {
  if (typeof header !== 'string' || header.length > MAX_STATE_LENGTH) return null;
  const members = header
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  if (members.length === 0 || members.length > MAX_STATE_MEMBERS) return null;
  return members.every((member) => STATE_MEMBER.test(member)) ? members.join(',') : null;
}
