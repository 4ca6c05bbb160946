import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../infra/local/repository';

export type NativeProgram = 'load' | 'floor';

const FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra'];

/** What is missing to compile C, and how to install it; null when nothing is. */
export function missingForNative(): string | null {
  if (process.platform !== 'linux')
    return 'the load client and the floor use epoll and /proc: run this on Linux';
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return 'no C compiler: install one (`apt-get install gcc libc6-dev`) so that `cc` is found';
  }
}

/** The compiled program; compiled at the first use of each version of its source. @throws Error when cc fails */
export function nativeProgram(name: NativeProgram): string {
  const source = join(repositoryRoot(), 'bench/native', `${name}.c`);
  const version = createHash('sha256')
    .update(readFileSync(source))
    .update(FLAGS.join(' '))
    .digest('hex')
    .slice(0, 12);
  const directory = join(repositoryRoot(), '.cache/bench');
  const program = join(directory, `${name}-${version}`);
  if (!existsSync(program)) {
    mkdirSync(directory, { recursive: true });
    // Under a temporary name first, for processes that look for it meanwhile.
    const unfinished = `${program}.${process.pid}`;
    execFileSync('cc', [...FLAGS, '-o', unfinished, source], { stdio: ['ignore', 'inherit', 'inherit'] });
    renameSync(unfinished, program);
  }
  return program;
}
