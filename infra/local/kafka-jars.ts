import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingJava } from './java';
import { repositoryRoot } from './repository';
import { describeExit, startChild } from './supervised-child';

/** The broker that the project is developed and tested against. */
export const KAFKA_VERSION = '4.3.1';

/** Kafka uses slf4j 1.7, which is why the binding is log4j-slf4j-impl and not log4j-slf4j2-impl (KIP-1064). */
const LOG4J_VERSION = '2.25.3';
/** Of Maven: copies what a pom.xml depends on. */
export const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

const LOCK_POLL_MS = 250;
/** A lock file older than this was left by a machine or container that no longer exists. */
const LOCK_STALE_MS = 15 * 60_000;
const PROGRESS_EVERY_JARS = 10;

/** Why no broker can be started on this machine, with what to install; null when it can. */
export function missingForKafka(): string | null {
  const missing = missingJava();
  if (missing !== null) return missing;
  if (existsSync(jarsDirectory())) return null;
  const maven = missingMaven();
  return maven === null ? null : `Apache Kafka ${KAFKA_VERSION} is not in ${jarsDirectory()}. ${maven}`;
}

/** Why nothing can be downloaded from Maven Central, with what to install; null when it can. */
export function missingMaven(): string | null {
  if (spawnSync('mvn', ['-version'], { encoding: 'utf8' }).status === 0) return null;
  return (
    'Maven, which downloads what Java programs need, is missing. ' +
    'Install it: `apt-get install maven` (Debian, Ubuntu) or `brew install maven` (macOS).'
  );
}

/** `<cache>/kafka-<version>/libs`, where the cache is KAFKA_CACHE_DIR or `.cache` in the repository. */
export function jarsDirectory(): string {
  return join(kafkaDirectory(), 'libs');
}

function kafkaDirectory(): string {
  const cache = process.env.KAFKA_CACHE_DIR;
  return join(
    cache !== undefined && cache !== '' ? cache : join(repositoryRoot(), '.cache'),
    `kafka-${KAFKA_VERSION}`,
  );
}

/**
 * Directory with the jars of the broker, downloaded from Maven Central at the first use. Processes that ask at the
 * same time wait for one download; an incomplete one never has the final name.
 *
 * @throws Error that says what to install, or with Maven's last lines
 */
export async function kafkaJars(progress: (line: string) => void): Promise<string> {
  const missing = missingForKafka();
  if (missing !== null) throw new Error(missing);
  const jars = jarsDirectory();
  await mkdir(kafkaDirectory(), { recursive: true });
  const lock = join(kafkaDirectory(), 'download.lock');
  let told = false;
  while (!existsSync(jars)) {
    if (await acquire(lock)) {
      try {
        if (!existsSync(jars)) await download(jars, progress);
      } finally {
        await rm(lock, { force: true });
      }
    } else {
      if (!told) progress(`waiting for another process that downloads Apache Kafka ${KAFKA_VERSION}`);
      told = true;
      await sleep(LOCK_POLL_MS);
    }
  }
  return jars;
}

async function acquire(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (await isStale(lock)) await rm(lock, { force: true });
  return false;
}

async function isStale(lock: string): Promise<boolean> {
  try {
    const [holder, { mtimeMs }] = [await readFile(lock, 'utf8'), await stat(lock)];
    if (Date.now() - mtimeMs > LOCK_STALE_MS) return true;
    // Empty: its owner has created the file and not yet written its pid.
    return holder !== '' && !isRunning(Number(holder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function download(jars: string, progress: (line: string) => void): Promise<void> {
  const work = join(dirname(jars), `download-${process.pid}-${Date.now()}`);
  await mkdir(work, { recursive: true });
  try {
    await writeFile(join(work, 'pom.xml'), POM);
    progress(`downloading Apache Kafka ${KAFKA_VERSION} from Maven Central (44 MB, once) to ${jars}`);
    let count = 0;
    const maven = startChild({
      name: 'mvn',
      command: 'mvn',
      args: [
        '-B',
        '-f',
        join(work, 'pom.xml'),
        `${DEPENDENCY_PLUGIN}:copy-dependencies`,
        '-DincludeScope=runtime',
        `-DoutputDirectory=${join(work, 'libs')}`,
      ],
      cwd: work,
      removeOnOrphan: work,
      onLine: (line) => {
        if (!/Downloaded from .*\.jar/.test(line)) return;
        count++;
        if (count % PROGRESS_EVERY_JARS === 0) progress(`${count} files downloaded`);
      },
    });
    const exit = await maven.exited;
    if (exit.code !== 0) {
      throw new Error(`Maven failed to download Kafka (${describeExit(exit)}):\n${maven.lastLines()}`);
    }
    await rename(join(work, 'libs'), jars);
    progress(`Apache Kafka ${KAFKA_VERSION} is in ${jars}`);
  } catch (error) {
    // The owner of a lock that looked stale was faster: its download is as good.
    if (!existsSync(jars)) throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>${LOG4J_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-core</artifactId>
      <version>${LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;
