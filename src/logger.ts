import { type DestinationStream, pino } from 'pino';

/** The part of pino that is used, so that a test can pass its own logger. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

interface LoggerOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format?: 'json' | 'text';
  /** Hidden wherever they occur in a line. */
  readonly secrets?: readonly string[];
  readonly destination?: DestinationStream;
}

const STDOUT = 1;

/** Credentials in headers, should headers ever be logged. Listed one by one: wildcards are slower. */
const REDACTED_PATHS = ['headers', 'req.headers', 'res.headers'].flatMap((owner) =>
  ['.authorization', '.cookie', '["x-api-key"]', '["set-cookie"]'].map((name) => owner + name),
);

/**
 * One line for each message on standard output, written at once. Not pino's default destination: that one flushes at the
 * exit of the process, and waits for ever when the reader of standard output has gone (test/issues/).
 */
export function createLogger({
  level,
  format = 'json',
  secrets = [],
  destination = pino.destination({ dest: STDOUT, sync: true }),
}: LoggerOptions): Logger {
  const hide = hider(secrets);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: REDACTED_PATHS,
      hooks: { streamWrite: format === 'text' ? (line) => textOf(hide(line)) : hide },
    },
    destination,
  );
}

/** `14:03:27.512 INFO  Listening  port=3000 host=0.0.0.0`, in local time; an error's stack follows on lines below. */
function textOf(json: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json);
  const at = new Date(time);
  const clock = `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  const name = (pino.levels.labels[level] ?? '').toUpperCase().padEnd(5);
  if (err !== undefined) fields.error = err.message;
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${wordOf(value)}`);
  const stack = level >= pino.levels.values.error! && err?.stack ? `\n${err.stack}` : '';
  // The control characters of a client or producer must not reach the terminal.
  const text = [`${clock} ${name} ${msg}`, ...shown].join('  ') + stack;
  return `${text.replace(CONTROL, ' ')}\n`;
}

/** All but tab and line feed. */
const CONTROL = /[^\P{Cc}\t\n]/gu;

function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

const HIDDEN = '[hidden]';

/** Replaces the secrets in a line, wherever they came from. */
function hider(secrets: readonly string[]): (line: string) => string {
  const texts = secrets
    .filter(({ length }) => length >= MIN_HIDDEN_LENGTH)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  return (line) => texts.reduce((safe, text) => safe.replaceAll(text, HIDDEN), line);
}

/** Shorter ones would match too much. */
const MIN_HIDDEN_LENGTH = 6;
