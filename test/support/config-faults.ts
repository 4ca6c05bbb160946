import { ConfigError, parseConfig } from '../../src/config';

/** What is wrong with an environment, one sentence each; empty when nothing is. */
export function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}
