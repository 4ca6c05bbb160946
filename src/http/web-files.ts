import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';

export interface WebFiles {
  /** Answers with the file, or 304 when the client has it. False, without an answer, when there is no such file. */
  send(req: IncomingMessage, res: ServerResponse, name: string): boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** No foreign or inline code, and no frame: the content of an event can be shown, but not run. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

/** Reads the directory once: its files belong to the program. */
export function createWebFiles(directory: string): WebFiles {
  const files = new Map<string, { body: Buffer; headers: Record<string, string>; etag: string }>();
  for (const name of readdirSync(directory)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const body = readFileSync(join(directory, name));
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
    const headers = {
      'Content-Type': type,
      // Revalidated each time, so that a page never runs with scripts of another version.
      'Cache-Control': 'no-cache',
      ETag: etag,
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      // For browsers without frame-ancestors; and windows and pages of other sites cannot reach into this one.
      'X-Frame-Options': 'DENY',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
    };
    files.set(name, { body, headers, etag });
  }

  return {
    send(req, res, name) {
      const file = files.get(name);
      if (file === undefined) return false;
      for (const [field, value] of Object.entries(file.headers)) res.setHeader(field, value);
      if (req.headers['if-none-match'] === file.etag) {
        res.writeHead(304).end();
        return true;
      }
      res.writeHead(200, { 'Content-Length': file.body.length });
      res.end(file.body);
      return true;
    },
  };
}
