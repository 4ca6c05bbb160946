import { startGateway, stopAfterAll, type TestGateway } from '../support/gateway';
import { describeContract } from './contract';

/** `npm run conformance -- <url>` judges that server, `npm test` a gateway of its own. */
const given = process.env.CONFORMANCE_URL?.replace(/\/$/, '');

describe(`conformance of ${given ?? 'a gateway'}`, () => {
  let gateway: TestGateway | null = null;

  beforeAll(async () => {
    if (given === undefined)
      gateway = stopAfterAll(await startGateway({ TICK_MS: '1000', TICK_FORMAT: 'ms' }));
  });

  const isProxy = process.env.CONFORMANCE_PROXY === '1';
  describeContract({ url: () => given ?? gateway!.url, limits: { isProxy } });
});
