import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goFault } from './go';
import { repositoryRoot } from './repository';
import { describeExit, startChild } from './supervised-child';

/** That of loadtest/k6/go.mod. */
export const K6_VERSION = 'v1.8.1';

/** For every run: no usage reports and no update checks. */
export const K6_ENV = { K6_AUTO_EXTENSION_RESOLUTION: 'false', K6_NO_USAGE_REPORT: 'true' };

const PROGRESS_MS = 15_000;

/** Why k6 with our k6/x/sse cannot be built on this machine, with what to do instead; null when it can. */
export function missingForK6(): string | null {
  const fault = goFault();
  return fault === null ? null : `k6 is built with ${fault}. ${INSTEAD}`;
}

const INSTEAD = `Install it from https://go.dev/dl/ or with \`brew install go\`.
The scripts run on phymbert/xk6-sse as well:
  stock k6 >= 1.2 with internet fetches it by itself: \`k6 run loadtest/sse.js\`
  elsewhere: \`go install go.k6.io/xk6@v1.4.11\`, then
    \`CGO_ENABLED=0 xk6 build ${K6_VERSION} --with github.com/phymbert/xk6-sse@v0.1.12 --output k6\`
  and look: \`k6 version | grep k6/x/sse\``;

/**
 * Path of the k6 of loadtest/k6, built when there is none for its sources. Several processes may build it at the same
 * time: the last one's binary stays.
 *
 * @throws Error that says what to install, or with the compiler's last lines
 */
export async function buildK6(print: (line: string) => void): Promise<string> {
  const sources = join(repositoryRoot(), 'loadtest/k6');
  const directory = join(repositoryRoot(), '.cache/k6');
  const binary = join(directory, 'k6');
  const stamp = join(directory, 'k6.sources');
  const wanted = await hashOf(sources);
  if (existsSync(binary) && existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return binary;

  const missing = missingForK6();
  if (missing !== null) throw new Error(missing);
  await mkdir(directory, { recursive: true });
  const unfinished = join(directory, `k6.${process.pid}`);
  print(`building k6 ${K6_VERSION} with k6/x/sse of loadtest/k6: takes minutes the first time, then seconds`);
  const startedAt = Date.now();
  const seconds = (): number => Math.round((Date.now() - startedAt) / 1_000);
  const progress = setInterval(() => print(`still building k6 after ${seconds()} s`), PROGRESS_MS);
  try {
    const go = startChild({
      name: 'go',
      command: 'go',
      args: ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', unfinished, '.'],
      cwd: sources,
      // A static binary by this toolchain: independent of the machine, and no other toolchain is fetched.
      env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local' },
      removeOnOrphan: unfinished,
      onLine: print,
    });
    const exit = await go.exited;
    if (exit.code !== 0) throw new Error(`k6 was not built (${describeExit(exit)}):\n${go.lastLines()}`);
    await rm(stamp, { force: true });
    await rename(unfinished, binary);
    await writeFile(stamp, wanted);
  } finally {
    clearInterval(progress);
    await rm(unfinished, { force: true });
  }
  print(`k6 was built in ${seconds()} s: ${binary}`);
  return binary;
}

/** Hash of the names and contents of the sources. */
async function hashOf(directory: string): Promise<string> {
  const names = (await readdir(directory, { recursive: true })).filter(
    (name) => /(\.go|go\.mod|go\.sum)$/.test(name) && !name.endsWith('_test.go'),
  );
  const hash = createHash('sha256');
  for (const name of names.sort()) hash.update(`${name}\0`).update(await readFile(join(directory, name)));
  return hash.digest('hex');
}
