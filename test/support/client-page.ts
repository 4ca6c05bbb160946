import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';
import type { EventStream } from '../../src/client/event-stream';
import { startFarSide } from './far-side';

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.html': 'text/html' };

const PAGE = `<!doctype html>
<title>client</title>
<script type="module">
  import { EventStream } from './client/event-stream.js';
  Object.assign(globalThis, { EventStream });
</script>
`;

/** What the page has as a global. */
export interface ClientPage {
  readonly EventStream: typeof EventStream;
}

/** Where the built library is (`npm run build`). @throws Error when it has not been built */
export function clientDirectory(): string {
  const directory = join(repositoryRoot(), 'dist/client');
  if (!existsSync(join(directory, 'client/event-stream.js'))) {
    throw new Error(`no client library in ${directory}: run npm run build`);
  }
  return directory;
}

/** A page of another origin than any gateway, that imports the built library, until the test is over. */
export async function startClientPage(): Promise<string> {
  const directory = clientDirectory();
  const { url } = await startFarSide((res, { url: target }) => {
    const path = normalize(new URL(target!, 'http://page').pathname);
    const file = join(directory, path);
    if (path === '/') res.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
    else if (path === '/favicon.ico') res.writeHead(204).end();
    else if (existsSync(file)) {
      res.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'text/plain' }).end(readFileSync(file));
    } else res.writeHead(404).end();
  });
  return url;
}
