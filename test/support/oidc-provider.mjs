// An OpenID provider in a process of its own (the library is an ES module, which jest does not load). Its parent gets the
// issuer's URL as the first message; the message `rotate` replaces the keys.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

let keys = 0;

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: `key-${++keys}`, use: 'sig', alg: 'RS256' };
}

function createProvider(issuer) {
  const client = (client_id) => ({
    client_id,
    client_secret: `${client_id}-secret`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  });
  return new Provider(issuer, {
    jwks: { keys: [newKey()] },
    clients: [client('alice'), client('bob')],
    cookies: { keys: ['of tests only'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: 'gateway',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (_ctx, { clientId }) => ({ teams: [`${clientId}-1`, `${clientId}-2`] }),
  });
}

const server = createServer((req, res) => handle(req, res));
let handle;
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const replace = () => {
    handle = createProvider(issuer).callback();
  };
  replace();
  process.on('message', () => {
    replace();
    process.send('rotated');
  });
  process.send(issuer);
});
process.on('disconnect', () => process.exit());
