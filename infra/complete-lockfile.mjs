// npm run lockfile: restores the entries that `npm install` drops from package-lock.json when its registry does not carry
// the packages of other platforms. Without them `npm ci` rejects the lock file, also on this platform.
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = 'package-lock.json';
const PLATFORM =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|loong64|ppc64|riscv64|s390x|x64)(.*)$/;

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const { packages } = lock;

/** Where Node would find `name` from the package at `path`, as a key of the lock file; null when it is not there. */
function find(path, name) {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1))) {
    const key = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
    if (key in packages) return key;
    if (from === '') return null;
  }
}

/** What npm would write, except the checksum, which only the registry knows. */
function entryOf(name, version, isDev) {
  const [, os, cpu, abi] = PLATFORM.exec(name) ?? [];
  if (os === undefined)
    throw new Error(`${name} is missing and does not name a platform: run npm install for it`);
  return {
    version,
    cpu: [cpu],
    ...(isDev ? { dev: true } : {}),
    ...(os === 'linux' ? { libc: [abi.includes('musl') ? 'musl' : 'glibc'] } : {}),
    optional: true,
    os: [os],
  };
}

let added = 0;
for (const [path, { optionalDependencies = {}, dev = false }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (find(path, name) !== null) continue;
    packages[`node_modules/${name}`] = entryOf(name, version, dev);
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${FILE}: ${added} packages of other platforms put back\n`);
