import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inSeconds, rsaSigner } from './tokens';

const AUDIENCE = 'kafka';

interface OauthServerOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly lifetimeSeconds: number;
}

export interface OauthServer {
  readonly tokenUrl: string;
  /** What a broker needs to accept the tokens. */
  readonly trusted: { readonly jwksUrl: string; readonly issuer: string; readonly audience: string };
  /** Requests for a token since the start, as the forms that came. */
  readonly requests: readonly URLSearchParams[];
  /** What the next tokens are for: the brokers accept `kafka`. */
  audience: string;
  /** Answers instead of tokens; null: tokens. */
  fault: ((response: ServerResponse) => void) | null;
  close(): Promise<void>;
}

/** A token service of the test's own, which grants client credentials. */
export async function startOauthServer(options: OauthServerOptions): Promise<OauthServer> {
  const signer = rsaSigner();
  const requests: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/keys') return json(response, 200, { keys: [signer.jwk] });
    const form = new URLSearchParams(await text(request));
    requests.push(form);
    if (own.fault !== null) return own.fault(response);
    if (!isClient(request, options) || form.get('grant_type') !== 'client_credentials')
      return json(response, 401, { error: 'invalid_client', error_description: 'unknown client or secret' });
    const { lifetimeSeconds, clientId } = options;
    const token = signer.token({
      iss: origin,
      aud: own.audience,
      sub: clientId,
      iat: inSeconds(0),
      exp: inSeconds(lifetimeSeconds),
      scope: form.get('scope') ?? '',
    });
    json(response, 200, { access_token: token, token_type: 'Bearer', expires_in: lifetimeSeconds });
  }

  const own: OauthServer = {
    tokenUrl: `${origin}/token`,
    trusted: { jwksUrl: `${origin}/keys`, issuer: origin, audience: AUDIENCE },
    requests,
    audience: AUDIENCE,
    fault: null,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return own;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Decodes the parts as forms are (RFC 6749 §2.3.1). */
function isClient({ headers }: IncomingMessage, { clientId, clientSecret }: OauthServerOptions): boolean {
  const [scheme, credentials = ''] = headers.authorization?.split(' ') ?? [];
  const [id, secret] = Buffer.from(credentials, 'base64')
    .toString()
    .split(':')
    .map((part) => new URLSearchParams(`v=${part}`).get('v'));
  return scheme === 'Basic' && id === clientId && secret === clientSecret;
}
