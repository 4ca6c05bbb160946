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
    'lines per second about streams that open and close; those beyond are counted; 0 means none',
  ),
  READY_WHEN: oneOf(['any', 'all'])
    .default('any')
    .describe(
      '`any`: ready while something of the topics can be served; `all`: while every partition of every topic can',
    ),
  DRAIN_MS: ms(20_000, 0).describe('time over which open streams are closed at shutdown, at the most'),
  DRAIN_MAX_PAUSE_MS: ms(10, 0).describe(
    'longest time from one stream closed at shutdown to the next: a few take no longer than that',
  ),
  SHUTDOWN_MS: ms(5_000, 100).describe(
    'time that requests in flight and the log get to finish after the streams',
  ),
} as const;

export type ProcessSettings = SettingsOf<typeof PROCESS_SETTINGS>;

export function shutdownConfig(s: ProcessSettings) {
  return { drainMs: s.DRAIN_MS, drainGapMs: s.DRAIN_MAX_PAUSE_MS, finishMs: s.SHUTDOWN_MS };
}
