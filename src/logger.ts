import { pino } from 'pino';

/** The part of pino that the rooms use, so that a test can pass its own. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export function createLogger(level: (typeof LOG_LEVELS)[number]): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}
