// Builds the client library of src/client: modules for browsers and Node as small as blanks and comments allow (names
// stay, for stack traces), and their types with comments.
// Usage: node infra/build-client.mjs [directory]   (default dist/client)
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minifySync } from '@swc/core';

if (process.argv.includes('--help')) {
  process.stdout.write(
    'Usage: node infra/build-client.mjs [directory]\nBuilds the client library, into dist/client.\n',
  );
  process.exit(0);
}
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = resolve(process.argv[2] ?? join(root, 'dist/client'));

rmSync(out, { recursive: true, force: true });
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'src/client'), '--outDir', out], {
  stdio: 'inherit',
});
// The compiler has printed the errors.
if (status !== 0) process.exit(status ?? 1);
for (const name of readdirSync(out, { recursive: true })) {
  if (!name.endsWith('.js')) continue;
  const file = join(out, name);
  const { code } = minifySync(readFileSync(file, 'utf8'), { module: true, compress: false, mangle: false });
  writeFileSync(file, `${code}\n`);
}
writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n');
