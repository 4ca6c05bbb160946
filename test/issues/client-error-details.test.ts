import { EventStream, type StreamErrorEvent, type StreamRejection } from '../../src/client/event-stream';
import { startGateway } from '../support/gateway';

/** The gateway says what is wrong, and the client library kept only the status of it. */
describe('an error of the client library', () => {
  it('has the code and the detail of the problem', async () => {
    const { url } = await startGateway();
    const stream = new EventStream(`${url}/events?form=earliest`);
    const error = await new Promise<StreamErrorEvent>((resolve) => {
      stream.onerror = resolve;
    });
    expect(stream.readyState).toBe(EventStream.CLOSED);
    expect(error).toMatchObject({ status: 400, code: 'bad-request' });
    expect(error.detail).toContain('did you mean from?');
    expect((error.error as Error).message).toContain(error.detail);
  });

  it('is what a loop throws', async () => {
    const { url } = await startGateway();
    let thrown: unknown;
    try {
      for await (const _ of new EventStream(`${url}/subscribe/a//b`));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    const { status, code, detail } = thrown as StreamRejection;
    expect({ status, code, detail }).toEqual({
      status: 400,
      code: 'bad-channel',
      detail: 'channel must not have empty segments',
    });
  });

  it.each([
    ['of a proxy with a page of its own', 'text/html', '<h1>Forbidden</h1>'],
    ['with a problem that is no JSON', 'application/problem+json', '{"detail":'],
    ['with a problem of other members', 'application/problem+json', '{"detail":7,"code":null}'],
    ['with a problem that is no object', 'application/problem+json', 'null'],
  ])('%s has the status and no more', async (_, type, body) => {
    const stream = new EventStream('http://a.example/sse', {
      fetch: async () => new Response(body, { status: 403, headers: { 'Content-Type': type } }),
    });
    const error = await new Promise<StreamErrorEvent>((resolve) => {
      stream.onerror = resolve;
    });
    expect(error).toMatchObject({ status: 403, code: null, detail: null });
    expect((error.error as Error).message).toBe(`http://a.example/sse answered 403 ${type}`);
  });
});
