import { LOG_LEVELS } from '../logger';
import { int, ms, oneOf, type SettingsOf } from './setting-types';

export const PROCESS_SETTINGS = {
  LOG_LEVEL: oneOf(LOG_LEVELS, { warning: 'warn', off: 'silent', none: 'silent' })
    .default('info')
    .describe('least severe messages that are logged, on standard output'),
  LOG_FORMAT: oneOf(['auto', 'json', 'text'])
    .default('auto')
    .describe('`json` or `text` lines; `auto`: text on a terminal, else JSON'),
  LOG_STREAM_LINES_PER_SECOND: int(0, 0, 100_000).describe(
    'most log lines per second about streams that open and close; further ones are counted; 0: none',
  ),
  READY_WHEN: oneOf(['any', 'all'])
    .default('any')
    .describe(
      'when `/readyz` answers 200: `any`, part of the topics can be served; `all`, every partition of every topic can',
    ),
  DRAIN_MS: ms(20_000, 0).describe('longest time over which a shutdown spreads the closing of open streams'),
  DRAIN_MAX_PAUSE_MS: ms(10, 0).describe(
    'longest pause between two streams closed at shutdown, so that a few streams need less than DRAIN_MS',
  ),
  SHUTDOWN_MS: ms(5_000, 100).describe(
    'longest time at shutdown, once the streams are closed, for requests in flight and for Kafka',
  ),
} as const;

export type ProcessSettings = SettingsOf<typeof PROCESS_SETTINGS>;

export function shutdownConfig(s: ProcessSettings) {
  return { drainMs: s.DRAIN_MS, drainGapMs: s.DRAIN_MAX_PAUSE_MS, finishMs: s.SHUTDOWN_MS };
}
