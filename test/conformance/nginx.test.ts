import type { Nginx } from '../../infra/local/nginx';
import { startGateway, stopAfterAll } from '../support/gateway';
import { openNginx } from '../support/nginx';
import { describeContract } from './contract';

describe('conformance through nginx', () => {
  let nginx: Nginx;

  beforeAll(async () => {
    const { port } = stopAfterAll(await startGateway({ TICK_MS: '1000', TICK_FORMAT: 'ms' }));
    nginx = await openNginx({ upstreams: [`127.0.0.1:${port}`] });
  });

  describeContract({ url: () => nginx.url, limits: { isProxy: true } });
});
