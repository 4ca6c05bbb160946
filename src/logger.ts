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
 * @param secrets never to be seen in a line
 */
export function createLogger(
  level: (typeof LOG_LEVELS)[number],
  secrets: readonly string[] = [],
  destination: DestinationStream = pino.destination({ dest: STDOUT, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: REDACTED_PATHS,
      hooks: { streamWrite: hider(secrets) },
    },
    destination,
  );
}

const HIDDEN = '[hidden]';

/** Takes the secrets out of a line, however they came into it. */
function hider(secrets: readonly string[]): (line: string) => string {
  const texts = secrets
    .filter(({ length }) => length >= MIN_HIDDEN_LENGTH)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  return (line) => texts.reduce((safe, text) => safe.replaceAll(text, HIDDEN), line);
}

/** Shorter ones would be found in everything. */
const MIN_HIDDEN_LENGTH = 6;
