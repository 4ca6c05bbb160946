import { type DestinationStream, pino } from 'pino';

/** The part of pino that the rooms use, so that a test can pass its own. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const STDOUT = 1;

/** What a client proves itself with, should its headers ever be logged. Listed one by one: wildcards cost more. */
const REDACTED_PATHS = ['headers', 'req.headers', 'res.headers'].flatMap((owner) =>
  ['.authorization', '.cookie', '["x-api-key"]', '["set-cookie"]'].map((name) => owner + name),
);

/**
 * JSON lines on standard output, each written at once. Not pino's default destination: that one flushes at the exit of
 * the process, and waits for ever when whoever read standard output has gone (test/issues/).
 */
export function createLogger(
  level: (typeof LOG_LEVELS)[number],
  destination: DestinationStream = pino.destination({ dest: STDOUT, sync: true }),
): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: REDACTED_PATHS },
    destination,
  );
}
