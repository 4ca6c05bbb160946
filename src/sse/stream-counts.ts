import { type CountedCode, codesCountedIn, type ErrorCode } from '../errors';

export type Rejection = CountedCode<'streams'> | 'other';

/**
 * How a stream that wanted some of the past began: all of it from the ring; some of it read from the log first; told of
 * a gap; told that its id cannot be used.
 */
export const RESUME_RESULTS = ['ring', 'log', 'gap', 'reset'] as const;
export type ResumeResult = (typeof RESUME_RESULTS)[number];

/** What happened to streams since the start: plain numbers, to be read by whoever shows them. */
export interface StreamCounts {
  /** Requests for a stream that got none, by error code; `other` stands for codes that are not expected here. */
  readonly rejected: Record<Rejection, number>;
  readonly resumes: Record<ResumeResult, number>;
  /** Offsets that streams were told they cannot have any more, when they began. */
  resumeLost: number;
  heartbeats: number;
}

export function createStreamCounts(): StreamCounts {
  const rejected = Object.fromEntries([...codesCountedIn('streams'), 'other'].map((code) => [code, 0]));
  return {
    rejected: rejected as Record<Rejection, number>,
    resumes: { ring: 0, log: 0, gap: 0, reset: 0 },
    resumeLost: 0,
    heartbeats: 0,
  };
}

export function countRejection({ rejected }: StreamCounts, code: ErrorCode): void {
  rejected[code in rejected ? (code as Rejection) : 'other']++;
}
