import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory with package.json; this file runs from its source directory in tests and from dist otherwise. */
export function repositoryRoot(): string {
  let directory = __dirname;
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`no package.json above ${__dirname}`);
    directory = parent;
  }
  return directory;
}
