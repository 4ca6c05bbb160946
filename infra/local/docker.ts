import { spawnSync } from 'node:child_process';
import { KAFKA_VERSION } from './kafka-jars';
import { repositoryRoot } from './repository';

/** Base images of the compose file and its Dockerfiles that the gateways and nginx need. */
export const COMPOSE_IMAGES = ['node:24-bookworm-slim', 'nginx:stable', `apache/kafka:${KAFKA_VERSION}`];

/** Whether the command succeeds; its output is ignored. */
function succeeds(...args: string[]): boolean {
  return spawnSync('docker', args, { stdio: 'ignore', cwd: repositoryRoot() }).status === 0;
}

/** Why `docker compose up` cannot run on this machine, with what to do; null when it can. Pulls missing images. */
export function missingForCompose(): string | null {
  if (!succeeds('info')) {
    return 'no Docker daemon answers `docker info`: install Docker Engine and start it (https://docs.docker.com/engine/install/).';
  }
  if (!succeeds('compose', 'version')) {
    return 'Docker’s compose plugin is not installed: https://docs.docker.com/compose/install/linux/';
  }
  for (const image of COMPOSE_IMAGES) {
    if (succeeds('image', 'inspect', image)) continue;
    process.stdout.write(`pulling ${image}\n`);
    if (!succeeds('pull', image)) {
      return `the image ${image} cannot be pulled: see \`docker pull ${image}\`.`;
    }
  }
  return null;
}
