// What a program of this directory is told, and says, as one line of JSON each: the test reads it.
import process from 'node:process';

const [, , address, bearer, timeout] = process.argv;

export const url = address;
export const token = () => bearer;
export const readTimeoutMs = Number(timeout);

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export function connected() {
  say({ kind: 'connected' });
}

export function handle(data, id) {
  say({ kind: 'event', data, id });
}

export function incomplete(data) {
  say({ kind: 'incomplete', data });
}

export function stop(reason) {
  say({ kind: 'stopped', reason: String(reason) });
}
