import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { javaCommand } from '../../infra/local/java';
import { DEPENDENCY_PLUGIN } from '../../infra/local/kafka-jars';
import { repositoryRoot } from '../../infra/local/repository';
import { describeExit, startChild } from '../../infra/local/supervised-child';

const SOURCE = join(repositoryRoot(), 'test/clients');
const CACHE = join(repositoryRoot(), '.cache/clients');
const PROGRESS_MS = 15_000;

/** For a fast start: these programs live for seconds. */
const JVM_FLAGS = ['-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];

type Print = (line: string) => void;

/** How a program of test/clients is started; its arguments come after these. */
export interface ClientCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** SSE client libraries as their registries have them, by the names that docs/clients.md uses. */
export type ClientCommands = Readonly<Record<string, ClientCommand>>;

/**
 * Installs what the programs of test/clients need into `.cache/clients`, unless it is there.
 * @throws Error with the last lines of npm, Maven, javac, go or pip
 */
export async function installClientLibraries(print: Print): Promise<ClientCommands> {
  const [npm, java, go, python] = await Promise.all([
    installNpm(print),
    buildJava(print),
    buildGo(print),
    installPython(print, 'python'),
  ]);
  const node = (name: string): ClientCommand => ({
    command: process.execPath,
    args: [join(npm, `${name}.mjs`)],
  });
  const javaProgram = (name: string): ClientCommand => ({
    command: javaCommand(),
    args: [...JVM_FLAGS, '-cp', `${java}/classes:${java}/libs/*`, `clients.${name}`],
  });
  // -B: no compiled files beside the sources.
  const pythonProgram = (file: string): ClientCommand => ({
    command: join(python, 'bin/python'),
    args: ['-B', join(SOURCE, 'python', file)],
  });
  return {
    'eventsource 2': node('eventsource-2'),
    'eventsource 3': node('eventsource-3'),
    'eventsource 4': node('eventsource-4'),
    'fetch-event-source': node('fetch-event-source'),
    'reconnecting-eventsource': node('reconnecting-eventsource'),
    'event-source-polyfill': node('event-source-polyfill'),
    'launchdarkly-eventsource': node('launchdarkly-eventsource'),
    'okhttp-sse': javaProgram('OkHttpSse'),
    'okhttp-eventsource': javaProgram('OkHttpEventSource'),
    'Go r3labs/sse': { command: join(go, 'r3labs'), args: [] },
    'Go launchdarkly/eventsource': { command: join(go, 'launchdarkly'), args: [] },
    'Python httpx-sse': pythonProgram('httpx_sse_client.py'),
    'Python sseclient-py': pythonProgram('sseclient_py_client.py'),
  };
}

/** Programs and packages in one directory, since Node looks for packages beside the program. */
function installNpm(print: Print): Promise<string> {
  return installOnce('npm', async (source, directory) => {
    await cp(source, directory, { recursive: true });
    await run(print, 'npm', ['ci', '--no-audit', '--no-fund'], directory);
  });
}

function buildJava(print: Print): Promise<string> {
  return installOnce('java', async (source, directory) => {
    const copy = [`${DEPENDENCY_PLUGIN}:copy-dependencies`, '-DincludeScope=runtime'];
    const pom = join(source, 'pom.xml');
    await run(
      print,
      'mvn',
      ['-B', '-q', '-f', pom, ...copy, `-DoutputDirectory=${directory}/libs`],
      directory,
    );
    const files = (await readdir(source)).filter((name) => name.endsWith('.java'));
    const javac = ['-Xlint:all', '-Werror', '-d', 'classes', '-cp', 'libs/*'];
    await run(print, javaCommand('javac'), [...javac, ...files.map((name) => join(source, name))], directory);
  });
}

function buildGo(print: Print): Promise<string> {
  return installOnce('go', async (source, directory) => {
    const args = [
      'build',
      '-trimpath',
      '-buildvcs=false',
      '-o',
      `${directory}/`,
      './r3labs',
      './launchdarkly',
    ];
    await run(print, 'go', args, source);
  });
}

/** A virtual environment with what a directory of test/clients requires. @returns where it is */
export function installPython(print: Print, name: string): Promise<string> {
  return installOnce(name, async (source, directory) => {
    await run(print, 'python3', ['-m', 'venv', directory], directory);
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps'];
    await run(
      print,
      join(directory, 'bin/python'),
      [...pip, '-r', join(source, 'requirements.txt')],
      directory,
    );
  });
}

/** Fills a directory of the cache from one of test/clients, unless it was filled from the same files before. */
async function installOnce(
  name: string,
  install: (source: string, directory: string) => Promise<void>,
): Promise<string> {
  const source = join(SOURCE, name);
  const directory = join(CACHE, name);
  const stamp = join(directory, 'installed');
  const wanted = await hashOf(source);
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return directory;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await install(source, directory);
  await writeFile(stamp, wanted);
  return directory;
}

/** Names and contents of all that is in it. */
async function hashOf(directory: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(`${relative(directory, file)}\0`).update(await readFile(file));
  return hash.digest('hex');
}

async function run(print: Print, command: string, args: readonly string[], cwd: string): Promise<void> {
  const what = `${command} ${args.slice(0, 3).join(' ')}`;
  const startedAt = Date.now();
  const progress = setInterval(() => {
    print(`clients: ${what} has run for ${Math.round((Date.now() - startedAt) / 1_000)} s`);
  }, PROGRESS_MS);
  try {
    // No other toolchain than this one is fetched.
    const child = startChild({
      name: what,
      command,
      args,
      cwd,
      env: { ...process.env, GOTOOLCHAIN: 'local' },
    });
    const exit = await child.exited;
    if (exit.code !== 0) throw new Error(`${what} failed (${describeExit(exit)}):\n${child.lastLines()}`);
  } finally {
    clearInterval(progress);
  }
}
