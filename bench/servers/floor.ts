import { createDeferred } from '../deferred';
import { nativeProgram } from '../native-program';
import { TICK_MS } from '../publisher';
import { startListening } from './listening';
import type { BenchServer, ServerSetup } from './server';

/** Length of an id for one topic with one partition and few records. */
const ID_BYTES = 15;

/** bench/native/floor.c: generates its events and writes them. */
export async function startFloor(setup: ServerSetup): Promise<BenchServer> {
  const published = createDeferred<number>();
  const { child, server } = await startListening({
    name: 'floor',
    command: nativeProgram('floor'),
    args: [
      '--events-per-s',
      String(setup.eventsPerS),
      '--tick-ms',
      String(TICK_MS),
      '--data-bytes',
      String(setup.dataBytes),
      '--id-bytes',
      String(ID_BYTES),
    ],
    onLine: (line) => {
      const count = /"published":(\d+)/.exec(line)?.[1];
      if (count !== undefined) published.resolve(Number(count));
    },
  });
  void child.exited.then(() => published.reject(new Error(`the floor ended:\n${child.lastLines()}`)));
  return {
    ...server,
    async publish() {
      server.signal('SIGUSR1');
      return {
        stop() {
          server.signal('SIGUSR2');
          return published.promise;
        },
      };
    },
  };
}
