import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type SupervisedChild, startChild } from './supervised-child';

/** Kafka 4 brokers need it (KIP-1013). */
const MIN_JAVA = 17;

/** Fast start and a small footprint: these brokers run for minutes. */
const JVM_FLAGS = [
  '-Xms64m',
  '-Xmx384m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData', // no files in /tmp/hsperfdata_*
  '-XX:+ExitOnOutOfMemoryError',
  '-Djava.awt.headless=true',
];

/** The program to use: that of JAVA_HOME, else the one on the PATH. */
export function javaCommand(name: 'java' | 'javac' = 'java'): string {
  const home = process.env.JAVA_HOME;
  return home !== undefined && home !== '' ? join(home, 'bin', name) : name;
}

/** Why no broker can run on this machine's Java, with what to install; null when it can. */
export function missingJava(): string | null {
  const java = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' });
  const install =
    'Install it: `apt-get install openjdk-17-jre-headless` (Debian, Ubuntu) or `brew install openjdk` (macOS).';
  const version = java.status === 0 ? javaMajor(java.stderr) : null;
  if (version === null) return `Apache Kafka needs Java ${MIN_JAVA} or newer, and there is none. ${install}`;
  if (version < MIN_JAVA)
    return `Apache Kafka needs Java ${MIN_JAVA} or newer; this is ${version}. ${install}`;
  return null;
}

/** Why nothing can be compiled with this machine's Java, with what to install; null when it can. */
export function missingJavac(): string | null {
  if (spawnSync(javaCommand('javac'), ['-version'], { encoding: 'utf8' }).status === 0) return null;
  return 'There is no javac. Install it: `apt-get install openjdk-17-jdk-headless` (Debian, Ubuntu).';
}

/** 17 for `openjdk version "17.0.15"`, 8 for the old `"1.8.0_402"`; null when there is no version in it. */
export function javaMajor(versionOutput: string): number | null {
  const found = /version "(?:1\.)?(\d+)/.exec(versionOutput);
  return found === null ? null : Number(found[1]);
}

/** Starts a main class in the broker's jars. */
export type Java = (name: string, args: readonly string[], onLine: (line: string) => void) => SupervisedChild;

/**
 * Java for the main classes of Kafka. `root` is its working directory; `removeOnOrphan` as in startChild, null for
 * nothing; `jwksUrl` the one URL that brokers may read keys of tokens from (needed since Kafka 4.0), null for none.
 */
export function kafkaJava(options: {
  readonly jars: string;
  readonly root: string;
  readonly log4j2: string;
  readonly removeOnOrphan: string | null;
  readonly jwksUrl: string | null;
}): Java {
  const { jars, root, log4j2, removeOnOrphan, jwksUrl } = options;
  const flags = [
    ...JVM_FLAGS,
    ...(jwksUrl === null ? [] : [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl}`]),
    `-Dlog4j2.configurationFile=${log4j2}`,
    '-cp',
    join(jars, '*'),
  ];
  return (name, args, onLine) =>
    startChild({
      name,
      command: javaCommand(),
      args: [...flags, ...args],
      cwd: root,
      onLine: (line) => onLine(`${name}: ${line}`),
      ...(removeOnOrphan === null ? {} : { removeOnOrphan }),
    });
}
