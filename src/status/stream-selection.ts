import { GatewayError } from '../errors';

/** By what the streams shown are chosen: the oldest, the ones with the most unsent bytes, or the furthest behind. */
const STREAM_ORDERS = ['age', 'buffered', 'behind'] as const;
export type StreamOrder = (typeof STREAM_ORDERS)[number];

/** Which streams are shown, and in which order. */
export interface StreamSelection {
  readonly limit: number;
  readonly sort: StreamOrder;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/**
 * @param limit the query's `limit`, from 0 to 1000; null: 100
 * @param sort the query's `sort`; null: `age`
 * @throws GatewayError `bad-request`
 */
export function streamSelectionOf(limit: string | null, sort: string | null): StreamSelection {
  const count = limit === null ? DEFAULT_LIMIT : /^\d{1,4}$/.test(limit) ? Number(limit) : -1;
  if (count < 0 || count > MAX_LIMIT)
    throw new GatewayError('bad-request', `limit must be from 0 to ${MAX_LIMIT}`, {
      details: { field: 'limit' },
    });
  const order = sort === null ? 'age' : STREAM_ORDERS.find((name) => name === sort);
  if (order === undefined)
    throw new GatewayError('bad-request', `sort must be one of ${STREAM_ORDERS.join(', ')}`, {
      details: { field: 'sort' },
    });
  return { limit: count, sort: order };
}
