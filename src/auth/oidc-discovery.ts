import { z } from 'zod';

/** What is read of the document (OpenID Connect Discovery 1.0 §3). */
const DOCUMENT = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

/**
 * Where the key set of an issuer is, as the issuer says (OpenID Connect Discovery 1.0 §4).
 * @throws Error that says what is wrong
 */
export async function keySetUrl(
  issuer: string,
  { timeoutMs, maxBytes }: { readonly timeoutMs: number; readonly maxBytes: number },
): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(url, { headers: { accept: 'application/json' }, redirect: 'error', signal });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  const parsed = DOCUMENT.safeParse(jsonOf(await boundedText(answer, maxBytes)));
  if (!parsed.success) throw new Error(`${url} has no issuer and jwks_uri`);
  const { issuer: said, jwks_uri: keys } = parsed.data;
  // §4.3: else another issuer's keys would count here.
  if (said !== issuer) throw new Error(`${url} is of the issuer ${said}, not ${issuer}`);
  if (issuer.startsWith('https:') && !keys.startsWith('https:'))
    throw new Error(`${url} names a key set without TLS`);
  return keys;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function boundedText(answer: Response, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error(`${answer.url} answered over ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
