import { type FromClientProcess, READY } from './client-processes';
import { type ClientShare, openRoomClients } from './room-clients';

/** Runs a share of the clients in a separate process: the first message says which; ends when the channel closes. */

/** Delays are sent to the parent in batches: a message for each would cost more than a delivery. */
const TELL_MS = 1;

let delaysMs: number[] = [];

function tell(message: FromClientProcess): void {
  // The parent may be dead, which ends this process too.
  if (process.connected) process.send!(message);
}

function tellDelays(): void {
  tell({ kind: 'delays', delaysMs: Float64Array.from(delaysMs) });
  delaysMs = [];
}

function onDelay(delayMs: number): void {
  if (delaysMs.length === 0) setTimeout(tellDelays, TELL_MS);
  delaysMs.push(delayMs);
}

process.once('message', (share: ClientShare) => {
  openRoomClients(share, onDelay).then(
    () => tell({ kind: 'open' }),
    (error: Error) => tell({ kind: 'failed', message: error.message }),
  );
});
process.once('disconnect', () => process.exit());
// Ctrl-C in a terminal goes to all; the parent decides when this one ends.
process.on('SIGINT', () => undefined);
tell(READY);
