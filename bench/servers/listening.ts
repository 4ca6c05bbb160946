import { type SupervisedChild, startChild } from '../../infra/local/supervised-child';
import { createDeferred } from '../deferred';
import { type BenchServer, LISTEN_DEADLINE_MS, type ServerName, STOP_DEADLINE_MS } from './server';

export interface ListeningOptions {
  readonly name: ServerName;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Starts a server that prints its port as `"port":<n>` in one of its lines, and waits for it. The caller adds `publish`. */
export async function startListening(
  options: ListeningOptions,
): Promise<{ readonly child: SupervisedChild; readonly server: Omit<BenchServer, 'publish'> }> {
  const listening = createDeferred<number>();
  const child = startChild({
    ...options,
    onLine: (line) => {
      const port = /"port":(\d+)/.exec(line)?.[1];
      if (port !== undefined) listening.resolve(Number(port));
      options.onLine?.(line);
    },
  });
  void child.exited.then(() =>
    listening.reject(new Error(`${options.name} ended while it started:\n${child.lastLines()}`)),
  );
  const timer = setTimeout(
    () => listening.reject(new Error(`${options.name} does not listen:\n${child.lastLines()}`)),
    LISTEN_DEADLINE_MS,
  );
  const close = async (): Promise<void> => {
    await child.stop({ signal: 'SIGKILL', deadlineMs: STOP_DEADLINE_MS });
  };
  try {
    const port = await listening.promise;
    const { pid, exited, signal } = child;
    return { child, server: { name: options.name, pid, port, exited, signal, close } };
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
