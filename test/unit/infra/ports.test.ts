import { createServer } from 'node:net';
import { assertPortFree, freePorts } from '../../../infra/local/ports';

describe('ports', () => {
  it('are different at each call and outside the range of outgoing connections', async () => {
    const ports = [...(await freePorts(20)), ...(await freePorts(20))];
    expect(new Set(ports).size).toBe(40);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000);
    expect(Math.max(...ports)).toBeLessThan(30_000);
  });

  it.each(['127.0.0.1', '0.0.0.0'])('are refused while somebody listens on %s', async (host) => {
    const server = createServer();
    // Not one from where outgoing connections take theirs: once it is free it must stay so.
    const port = (await freePorts(1))[0]!;
    await new Promise<void>((done) => server.listen(port, host, done));
    await expect(assertPortFree(port, 'the test')).rejects.toThrow(
      `port ${port}, wanted for the test, is taken`,
    );

    await new Promise((done) => server.close(done));
    await expect(assertPortFree(port, 'the test')).resolves.toBeUndefined();
  });
});
