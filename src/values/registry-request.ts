import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { RegistryConfig } from './schema-registry';

/** What a registry answered. */
export interface RegistryAnswer {
  readonly status: number;
  /** Null: no JSON. */
  readonly body: unknown;
  /** `Retry-After`, if it is a number. */
  readonly retryAfterMs: number | null;
}

const ACCEPT = 'application/vnd.schemaregistry.v1+json, application/json;q=0.9';

/**
 * Asks one registry. Redirects are not followed: an answer from elsewhere would be asked for with our credentials.
 * @throws Error in plain words when there is no answer in time, or one that is too large
 */
export function askRegistry(
  base: string,
  path: string,
  config: RegistryConfig,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const url = new URL(`${base}${path}`);
  const isTls = url.protocol === 'https:';
  const headers: Record<string, string> = { accept: ACCEPT };
  if (config.authorization !== null) headers.authorization = config.authorization;
  const tls = { ca: config.ca, cert: config.cert, key: config.key };
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(config.timeoutMs)]);
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const isLate = deadline.aborted && !signal.aborted;
      reject(isLate ? new Error(`no answer in ${config.timeoutMs} ms`) : error);
    };
    const options = {
      headers,
      signal: deadline,
      // A connection of its own each time: schemas are asked for once.
      agent: false as const,
      ...(isTls ? Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== null)) : {}),
    };
    const sent = (isTls ? httpsRequest : httpRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response
        .on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > config.maxSchemaBytes)
            response.destroy(new Error(`an answer of more than ${config.maxSchemaBytes} bytes`));
        })
        .on('error', failed)
        .on('end', () => {
          const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
          resolve({
            status: response.statusCode!,
            body: jsonOf(Buffer.concat(chunks).toString()),
            retryAfterMs: seconds >= 0 ? seconds * 1_000 : null,
          });
        });
    });
    sent.on('error', failed).end();
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
