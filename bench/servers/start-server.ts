import { repositoryRoot } from '../../infra/local/repository';
import { startFloor } from './floor';
import { startGateway } from './gateway';
import { startPeer } from './peer';
import type { BenchServer, ServerSetup } from './server';

export function startServer(setup: ServerSetup): Promise<BenchServer> {
  if (setup.name === 'gateway') return startGateway(setup, repositoryRoot());
  if (setup.name === 'baseline') return startGateway(setup, setup.baseline!);
  return setup.name === 'floor' ? startFloor(setup) : startPeer(setup);
}
