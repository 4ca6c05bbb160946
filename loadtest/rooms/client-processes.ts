import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { ClientShare, RoomClients } from './room-clients';

/** A message from a client process; the message to it is its `ClientShare`. */
export type FromClientProcess =
  | { readonly kind: 'ready' | 'open' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'delays'; readonly delaysMs: Float64Array };

export const READY: FromClientProcess = { kind: 'ready' };

export interface ClientProcesses {
  /** Resolves when all clients of all shares are connected. */
  open(): Promise<RoomClients>;
  /** Ends the processes. */
  close(): void;
}

/**
 * One process for each share, ready to open it. They end with this process.
 *
 * @throws Error when one of them does not start
 */
export async function startClientProcesses(
  shares: readonly ClientShare[],
  onDelay: (delayMs: number) => void,
): Promise<ClientProcesses> {
  const children = shares.map(() =>
    fork(join(__dirname, 'client-process.js'), { serialization: 'advanced' }),
  );
  const close = () => {
    for (const child of children) if (child.connected) child.disconnect();
  };
  const said = (kind: 'ready' | 'open') => Promise.all(children.map((child) => untilSaid(child, kind)));
  for (const child of children) {
    child.on('message', (message: FromClientProcess) => {
      if (message.kind === 'delays') for (const delayMs of message.delaysMs) onDelay(delayMs);
    });
  }
  try {
    await said('ready');
  } catch (error) {
    close();
    throw error;
  }
  return {
    async open() {
      const all = said('open');
      for (const [i, child] of children.entries()) child.send(shares[i]!);
      await all;
      return { close };
    },
    close,
  };
}

function untilSaid(child: ChildProcess, kind: 'ready' | 'open'): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error) => {
      child.off('message', onMessage).off('exit', onExit).off('error', finish);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onMessage = (message: FromClientProcess) => {
      if (message.kind === kind) finish();
      else if (message.kind === 'failed') finish(new Error(message.message));
    };
    const onExit = (code: number | null, signal: string | null) =>
      finish(new Error(`a process of clients ended (${signal ?? `exit code ${code}`})`));
    child.on('message', onMessage).on('exit', onExit).on('error', finish);
  });
}
