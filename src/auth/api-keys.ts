import { timingSafeEqual } from 'node:crypto';
import type { ApiKeySetting } from '../config/auth-settings';
import { digestOf } from './credentials';
import type { Grant } from './grant';

/** The secrets that publishers may show. */
export interface ApiKeys {
  /** Compares with every key, so that the time says nothing about any. Null: it is none of them. */
  find(secret: string): Grant | null;
}

export function createApiKeys(settings: readonly ApiKeySetting[]): ApiKeys {
  const keys = settings.map(({ name, digest, channels }) => ({
    digest: Buffer.from(digest, 'hex'),
    grant: { holder: `key:${name}`, channels, expiresAtMs: null },
  }));
  return {
    find(secret) {
      const given = digestOf(secret);
      let found: Grant | null = null;
      for (const { digest, grant } of keys) if (timingSafeEqual(digest, given)) found = grant;
      return found;
    },
  };
}
