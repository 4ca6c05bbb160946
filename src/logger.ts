import { pino } from 'pino';

/** The part of pino that the rooms use, so that a test can pass its own. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const STDOUT = 1;

/**
 * JSON lines on standard output, each written at once. Not pino's default destination: that one flushes at the exit of
 * the process, and waits for ever when whoever read standard output has gone (test/issues/).
 */
export function createLogger(level: (typeof LOG_LEVELS)[number]): Logger {
  const destination = pino.destination({ dest: STDOUT, sync: true });
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
