import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { javaCommand, missingJava } from './java';
import { missingMaven } from './kafka-jars';
import { freePorts } from './ports';
import { repositoryRoot } from './repository';
import { describeExit, startChild } from './supervised-child';
import { untilUp } from './until-up';

/** The last version for Java 17. It has the API of Confluent's registry. */
export const REGISTRY_VERSION = '3.0.9';

const ARTIFACT = `io.apicurio:apicurio-registry-app:${REGISTRY_VERSION}:tar.gz:all`;
/** An old version: later ones want the parent POM of the artifact too, which not every mirror of Maven Central has. */
const GET = 'org.apache.maven.plugins:maven-dependency-plugin:2.10:get';
const API_PATH = '/apis/ccompat/v7';
const START_DEADLINE_MS = 90_000;
const PROBE_PAUSE_MS = 250;
const STOP_DEADLINE_MS = 5_000;
const JVM_FLAGS = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];

/** A schema registry of its own, in memory. */
export interface Registry {
  /** For `SCHEMA_REGISTRY_URL`. */
  readonly url: string;
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Progress, a few lines for people. */
  readonly log: (line: string) => void;
  readonly onOutput?: (line: string) => void;
}

/** Why no registry can be started on this machine, with what to install; null when it can. */
export function missingForRegistry(): string | null {
  return missingJava() ?? (existsSync(registryDirectory()) ? null : missingMaven());
}

/** @throws Error when something is missing, or with the registry's last lines when it does not get ready */
export async function startRegistry({ port, log, onOutput }: RegistryOptions): Promise<Registry> {
  const missing = missingForRegistry();
  if (missing !== null) throw new Error(missing);
  const directory = await registryProgram(log);
  const own = port ?? (await freePorts(1))[0]!;
  const child = startChild({
    name: 'registry',
    command: javaCommand(),
    args: [...JVM_FLAGS, '-jar', `apicurio-registry-app-${REGISTRY_VERSION}-runner.jar`],
    cwd: directory,
    env: { ...process.env, QUARKUS_HTTP_PORT: String(own), QUARKUS_HTTP_HOST: '127.0.0.1' },
    ...(onOutput === undefined ? {} : { onLine: onOutput }),
  });
  const close = () => child.stop({ deadlineMs: STOP_DEADLINE_MS }).then(() => undefined);
  const url = `http://127.0.0.1:${own}${API_PATH}`;
  try {
    await untilUp(child, () => faultOf(url), { deadlineMs: START_DEADLINE_MS, pauseMs: PROBE_PAUSE_MS });
  } catch (error) {
    await close();
    throw error;
  }
  return { url, close };
}

async function faultOf(url: string): Promise<string | null> {
  try {
    const { status } = await fetch(`${url}/subjects`);
    return status === 200 ? null : `it answers ${status}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Beside the broker's jars. */
function registryDirectory(): string {
  const cache = process.env.KAFKA_CACHE_DIR;
  const parent = cache !== undefined && cache !== '' ? cache : join(repositoryRoot(), '.cache');
  return join(parent, `apicurio-registry-${REGISTRY_VERSION}`);
}

/** Downloaded at the first use; an incomplete download never has the final name. */
async function registryProgram(log: RegistryOptions['log']): Promise<string> {
  const directory = registryDirectory();
  if (existsSync(directory)) return directory;
  await mkdir(dirname(directory), { recursive: true });
  const work = await mkdtemp(`${directory}-`);
  try {
    log(`downloading Apicurio Registry ${REGISTRY_VERSION} from Maven Central (109 MB, once)`);
    const archive = join(work, 'registry.tar.gz');
    await run(
      'mvn',
      ['-B', '-q', GET, `-Dartifact=${ARTIFACT}`, '-Dtransitive=false', `-Ddest=${archive}`],
      work,
    );
    await run('tar', ['xzf', archive], work);
    await rm(archive);
    await rename(work, directory);
  } catch (error) {
    // Another process was faster: its download is as good.
    if (!existsSync(directory)) throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return directory;
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = startChild({ name: command, command, args, cwd });
  const exit = await child.exited;
  if (exit.code !== 0)
    throw new Error(`${command} failed for the registry (${describeExit(exit)}):\n${child.lastLines()}`);
}
