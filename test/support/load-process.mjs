// A process of many plain streams, started by stream-load.ts: it counts instead of parsing, so that a thousand streams
// of it cost less than the gateway they are read from. The data of an event begins with its number and a colon; each
// stream notes whether the numbers go up one by one, over all its connections.

import { createServer } from 'node:http';
import { connect } from 'node:net';

const { host, port, path, count, lastEventId, retryDivisor } = JSON.parse(process.argv[2]);

const LF = 10;
const CR = 13;
const COLON = 58;
const ZERO = 48;
const DATA = 'data: '.length;
const ID = 'id: '.length;
const FIRST_RETRY_MS = 3_000;
const OF_THE_STREAM = ['gateway.open', 'gateway.position', 'gateway.retry'];

let isPaused = false;

class LoadStream {
  /** Number of the first event, and the one that is due next. */
  first = null;
  next = null;
  holes = 0;
  repeats = 0;
  connections = 0;
  isOpen = false;
  /** Why a browser would never come back. */
  failure = null;
  /** The gateway's own events, as `name data`, without what it says of the stream itself. */
  own = [];
  #lastEventId = lastEventId ?? '';
  #retryMs = FIRST_RETRY_MS;
  #socket = null;
  #rest = null;
  #isHead = true;
  /** The block that is being read: an id is kept as where it stands, since few are ever needed as text. */
  #idBytes = null;
  #idStart = 0;
  #idEnd = 0;
  #keptId = null;
  #number = -1;
  #event = null;
  #data = null;

  open() {
    const id = this.#lastId();
    const socket = connect({ host, port });
    this.#socket = socket;
    this.#isHead = true;
    this.#rest = null;
    this.#startBlock();
    // HTTP/1.0: the body has no chunks.
    socket.write(
      `GET ${path} HTTP/1.0\r\nHost: ${host}:${port}\r\n${id === '' ? '' : `Last-Event-ID: ${id}\r\n`}\r\n`,
    );
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.isOpen = false;
      if (this.failure === null) setTimeout(() => this.open(), this.#retryMs / retryDivisor);
    });
    if (isPaused) socket.pause();
  }

  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  #lastId() {
    if (this.#keptId !== null) {
      const { bytes, start, end } = this.#keptId;
      this.#lastEventId = bytes.toString('latin1', start, end);
    }
    return this.#lastEventId;
  }

  #read(chunk) {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(LF, at);
      if (end < 0) break;
      if (this.#isHead) this.#headLine(bytes, at, end);
      else this.#line(bytes, at, end);
      at = end + 1;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : null;
  }

  #headLine(bytes, at, end) {
    if (bytes[at] === CR) {
      this.#isHead = false;
      this.connections++;
      this.isOpen = true;
      return;
    }
    const text = bytes.toString('latin1', at, end - 1);
    if (!text.startsWith('HTTP/1.') || text.includes(' 200 ')) return;
    this.failure = text;
    this.#socket.destroy();
  }

  #line(bytes, at, end) {
    if (at === end) {
      this.#dispatch();
      return;
    }
    switch (String.fromCharCode(bytes[at])) {
      case 'i':
        this.#idBytes = bytes;
        this.#idStart = at + ID;
        this.#idEnd = end;
        break;
      case 'd':
        if (this.#event === null) this.#number = numberAt(bytes, at + DATA);
        else this.#data = bytes.toString('utf8', at + DATA, end);
        break;
      case 'e':
        this.#event = bytes.toString('utf8', at + 'event: '.length, end);
        break;
      case 'r':
        this.#retryMs = Number(bytes.toString('latin1', at + 'retry: '.length, end));
        break;
    }
  }

  #dispatch() {
    if (this.#idBytes !== null) {
      this.#keptId = { bytes: this.#idBytes, start: this.#idStart, end: this.#idEnd };
    }
    if (this.#number >= 0) this.#count(this.#number);
    else if (this.#event !== null && !OF_THE_STREAM.includes(this.#event))
      this.own.push(`${this.#event} ${this.#data}`);
    this.#startBlock();
  }

  #count(number) {
    this.first ??= number;
    this.next ??= number;
    if (number < this.next) this.repeats++;
    else {
      this.holes += number - this.next;
      this.next = number + 1;
    }
  }

  #startBlock() {
    this.#idBytes = null;
    this.#number = -1;
    this.#event = null;
    this.#data = null;
  }
}

function numberAt(bytes, start) {
  let number = 0;
  for (let at = start; bytes[at] !== COLON; at++) number = number * 10 + bytes[at] - ZERO;
  return number;
}

const streams = Array.from({ length: count }, () => new LoadStream());
for (const stream of streams) stream.open();

const POLL_MS = 20;

/** Answers when every stream has had all events before `next`. */
function answerWhenReached(next, res) {
  const timer = setInterval(() => {
    if (!streams.every((stream) => stream.next >= next)) return;
    clearInterval(timer);
    res.end('[]');
  }, POLL_MS);
  res.on('close', () => clearInterval(timer));
}

createServer((req, res) => {
  const [, command, value] = req.url.split('/');
  if (command === 'reached') {
    answerWhenReached(Number(value), res);
    return;
  }
  if (command === 'pause' || command === 'resume') {
    isPaused = command === 'pause';
    for (const stream of streams) isPaused ? stream.pause() : stream.resume();
  }
  const report = streams.map(({ first, next, holes, repeats, connections, isOpen, failure, own }) => ({
    first,
    next,
    holes,
    repeats,
    connections,
    isOpen,
    failure,
    own,
  }));
  res.end(JSON.stringify(report));
}).listen(0, '127.0.0.1', function listening() {
  console.log(`control ${this.address().port}`);
});
