import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Java } from './java';
import { describeExit } from './supervised-child';

export interface ScramUser {
  readonly mechanism: string;
  readonly name: string;
  readonly password: string;
}

/** The id that the data directory was formatted with, or a new one. @throws Error when it has another node count */
export async function clusterIdOf(root: string, count: number): Promise<string> {
  const file = join(root, 'cluster.json');
  await mkdir(root, { recursive: true });
  let known: { clusterId: string; count: number };
  try {
    known = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    known = { clusterId: randomBytes(16).toString('base64url'), count };
    await writeFile(file, JSON.stringify(known));
  }
  if (known.count !== count)
    throw new Error(`${root} holds a cluster of ${known.count} brokers, not ${count}`);
  return known.clusterId;
}

/**
 * Formats the log directory unless it is formatted.
 * @param scram the users of SCRAM that the cluster knows from the start
 */
export async function formatStorage(
  java: Java,
  clusterId: string,
  propertiesFile: string,
  scram: readonly ScramUser[],
): Promise<void> {
  const tool = java(
    'kafka format',
    // The form with `=`, because an id may begin with a dash.
    [
      'kafka.tools.StorageTool',
      'format',
      '--ignore-formatted',
      `--cluster-id=${clusterId}`,
      '-c',
      propertiesFile,
      ...scram.flatMap(({ mechanism, name, password }) => [
        '--add-scram',
        `${mechanism}=[name=${name},password=${password}]`,
      ]),
    ],
    () => undefined,
  );
  const exit = await tool.exited;
  if (exit.code !== 0) {
    throw new Error(`Kafka's storage was not formatted (${describeExit(exit)}):\n${tool.lastLines()}`);
  }
}
