import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../logger';

/**
 * Sockets detached from the HTTP server once their request has been read, so that an open stream keeps no parser, request
 * or response: they are more than half of the memory of an idle stream.
 *
 * Node has no call for it. This does what Node itself does when a connection ends or is upgraded: it emits `close` for
 * the HTTP server's own listener, which frees the parser and lets go of the requests; the socket stays open. Undocumented,
 * and used nowhere else, are `res.detachSocket`, and `socket.parser`, which is only read. On a Node version that works
 * otherwise the socket stays with the HTTP server, which only costs memory.
 */
export interface DetachedSockets {
  /**
   * Reads the request to its end, detaches its socket and calls `onSocket` with it, unless the connection ends before.
   * The response must not have begun, and must not be used any more.
   *
   * The socket closes when the client ends its half or sends anything but empty lines. It has a listener for `error`.
   */
  take(req: IncomingMessage, res: ServerResponse, onSocket: (socket: Socket) => void): void;
  /** True for a socket that the HTTP server still has although it was to be detached: nothing else may be written to it. */
  holds(socket: Socket): boolean;
  /** Destroys those that are still open, which Node's `closeAllConnections` does not know. */
  destroyAll(): void;
}

/** What Node's HTTP server keeps on a socket, as far as it matters here. */
interface HttpSocket extends Socket {
  parser?: object | null;
}

export function createDetachedSockets(logger: Logger): DetachedSockets {
  const held = new WeakSet<Socket>();
  const open = new Set<Socket>();
  let hasFailed = false;

  function forget(this: Socket): void {
    open.delete(this);
  }

  function detach(socket: HttpSocket, res: ServerResponse): boolean {
    if (hasFailed) return false;
    if (typeof res.detachSocket === 'function' && socket.parser) {
      res.detachSocket(socket);
      endForHttp(socket);
      // Null only once the parser was freed. Until then it reads what the client sends, and needs its listeners.
      if (socket.parser === null) {
        socket.removeAllListeners();
        return true;
      }
    }
    hasFailed = true;
    logger.warn({}, 'Sockets cannot be detached from the HTTP server: streams take more memory');
    return false;
  }

  return {
    take(req, res, onSocket) {
      const { socket } = req;
      held.add(socket);
      // Before its end the parser is still reading it, and `close` would abort it.
      req.once('end', () => {
        if (socket.destroyed) return;
        if (detach(socket, res)) {
          socket.setTimeout(0);
          socket.on('error', ignoreError);
          socket.on('data', judgeBytes);
          socket.on('end', destroy);
          socket.on('close', forget);
          open.add(socket);
          held.delete(socket);
        }
        onSocket(socket);
      });
      req.resume();
    },
    holds: (socket) => held.has(socket),
    destroyAll() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** Node makes an error for the aborted request, which nothing reads. Without its stack, the most expensive part of it. */
function endForHttp(socket: Socket): void {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  socket.emit('close');
  Error.stackTraceLimit = stackTraceLimit;
}

function ignoreError(): void {
  // `close` follows at once, and is handled.
}

function destroy(this: Socket): void {
  this.destroy();
}

const CR = 13;
const LF = 10;

/** A request may be followed by an empty line (RFC 9112 §2.2); an answer without an end has no place for another one. */
function judgeBytes(this: Socket, bytes: Buffer): void {
  if (bytes.some((byte) => byte !== CR && byte !== LF)) this.destroy();
}
