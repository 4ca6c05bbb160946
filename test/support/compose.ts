import { spawn } from 'node:child_process';
import { openFilesLimit } from '../../infra/local/open-files';
import { freePorts } from '../../infra/local/ports';
import { repositoryRoot } from '../../infra/local/repository';

export interface Compose {
  /** Of nginx, through its published port. */
  readonly url: string;
  /** Runs `docker compose <args>` in the project and resolves with what it printed. @throws Error with both outputs */
  run(...args: string[]): Promise<string>;
  /** Ids of a service's containers, whether they run or not. */
  containers(service: string): Promise<string[]>;
  /** Removes the project with its volumes. */
  close(): Promise<void>;
}

/** A project of its own beside any other on this machine, with free ports and its own volumes. Nothing runs yet. */
export async function createCompose(env: Readonly<Record<string, string>> = {}): Promise<Compose> {
  const [port, kafkaPort] = await freePorts(2);
  const project = ['compose', '--project-name', `test-${process.pid}-${port}`];
  const settings = {
    ...process.env,
    HTTP_PORT: String(port),
    KAFKA_PORT: String(kafkaPort),
    // What a container may be given is what this process may have, unless the daemon has more.
    NOFILE: String(Math.min(65_536, openFilesLimit('hard'))),
    ...env,
  };
  const run = (...args: string[]) => docker([...project, ...args], settings);
  return {
    url: `http://127.0.0.1:${port}`,
    run,
    async containers(service) {
      return (await run('ps', '--all', '--quiet', service)).split('\n').filter((id) => id !== '');
    },
    async close() {
      await run('down', '--volumes', '--timeout', '5');
    },
  };
}

/** Runs the Docker client and resolves with its standard output. @throws Error with both outputs */
export function docker(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', args, { cwd: repositoryRoot(), env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let complaints = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`docker ${args.join(' ')} ended with ${code}:\n${output}${complaints}`));
    });
  });
}
