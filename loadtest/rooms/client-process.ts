import { type FromClientProcess, READY } from './client-processes';
import { type ClientShare, openRoomClients } from './room-clients';

/** A share of a run's clients, in a process of their own: told which by the first message, until the channel closes. */

/** Delays go to the parent together: a message for each would cost more than what it tells of. */
const TELL_MS = 1;

let delaysMs: number[] = [];

function tell(message: FromClientProcess): void {
  // The parent may be gone, which ends this process too.
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
