import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';
import { createBatchPoster } from '../post-batches';
import { startPublisher } from '../publisher';
import { startListening } from './listening';
import type { BenchServer, ServerSetup } from './server';

const DIRECTORY = join(repositoryRoot(), '.cache/bench/peers');
const SOURCE = join(repositoryRoot(), 'bench/peers');

/**
 * Copies bench/peers into the cache and installs their dependencies there, which the product does not have. Returns null,
 * or why it failed.
 */
export function installPeers(): string | null {
  const installed = join(DIRECTORY, 'node_modules/.package-lock.json');
  const isCurrent =
    existsSync(installed) &&
    readFileSync(join(SOURCE, 'package-lock.json'), 'utf8') ===
      readFileSync(join(DIRECTORY, 'package-lock.json'), 'utf8');
  if (!isCurrent) rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY, { recursive: true });
  cpSync(SOURCE, DIRECTORY, { recursive: true });
  if (isCurrent) return null;
  const { status, stderr, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: DIRECTORY,
    encoding: 'utf8',
  });
  if (status === 0) return null;
  return `\`npm ci\` in bench/peers failed: ${(error?.message ?? stderr).trim()}`;
}

/** A program of bench/peers, which takes the same posts as the gateway. */
export async function startPeer(setup: ServerSetup): Promise<BenchServer> {
  const { server } = await startListening({
    name: setup.name,
    command: setup.node,
    args: [...(setup.nodeArgs ?? []), join(DIRECTORY, `${setup.name}.mjs`)],
    env: { ...process.env, NODE_ENV: 'production' },
    onLine: setup.onLine,
  });
  return {
    ...server,
    publish: async () => startPublisher({ ...setup, inlet: createBatchPoster(server.port) }),
  };
}
