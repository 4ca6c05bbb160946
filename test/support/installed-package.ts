import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';

export const PACKAGE_NAME = 'kafka-sse-gateway';

export interface InstalledPackage {
  /** A directory whose `node_modules` has the package and what it depends on, and nothing else. */
  readonly directory: string;
  /** Where the package itself is. */
  readonly root: string;
  /** Its files, relative to `root`. */
  readonly files: readonly string[];
  /** Size of the archive. */
  readonly bytes: number;
}

interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

const directories: string[] = [];

// Registered for each test file that imports this module.
afterAll(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/**
 * Packs the sources as they are, from a copy without anything built, and installs the archive without a registry: the
 * packages that the lock file calls production's are copied from this repository's `node_modules`. Gone after the file.
 */
export function installPackage(): InstalledPackage {
  const directory = mkdtempSync(join(tmpdir(), 'package-'));
  directories.push(directory);
  const report = pack(copySources(join(directory, 'sources')), directory);
  const modules = join(directory, 'node_modules');
  const root = join(modules, PACKAGE_NAME);
  mkdirSync(root, { recursive: true });
  const archive = join(directory, report.filename);
  execFileSync('tar', ['xzf', archive, '-C', root, '--strip-components=1']);
  copyDependencies(directory);
  linkCommands(root, join(modules, '.bin'));
  return { directory, root, files: report.files.map(({ path }) => path), bytes: report.size };
}

/** What a commit of everything here would have, and the installed packages. */
function copySources(to: string): string {
  const from = repositoryRoot();
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const deleted = new Set(gitFiles(from, ['ls-files', '-z', '--deleted']));
  for (const file of gitFiles(from, args)) if (!deleted.has(file)) cpSync(join(from, file), join(to, file));
  symlinkSync(join(from, 'node_modules'), join(to, 'node_modules'));
  return to;
}

function gitFiles(cwd: string, args: readonly string[]): string[] {
  return execFileSync('git', args, { cwd, encoding: 'utf8' }).split('\0').filter(Boolean);
}

function pack(sources: string, destination: string): PackReport {
  const args = ['pack', '--json', '--pack-destination', destination];
  const output = execFileSync('npm', args, {
    cwd: sources,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // What the scripts print comes before it.
  return (JSON.parse(output.slice(output.indexOf('[\n'))) as [PackReport])[0];
}

function copyDependencies(to: string): void {
  const from = repositoryRoot();
  const lock = JSON.parse(readFileSync(join(from, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: true; devOptional?: true; optional?: true; peer?: true }>;
  };
  for (const [path, { dev, devOptional, optional, peer }] of Object.entries(lock.packages)) {
    if (path === '' || dev || devOptional || optional || peer) continue;
    cpSync(join(from, path), join(to, path), { recursive: true });
  }
}

/** As npm does. */
function linkCommands(root: string, to: string): void {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
  };
  for (const [name, file] of Object.entries(bin)) {
    const link = join(to, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, file), link);
    chmodSync(link, 0o755);
  }
}
