import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';

const root = repositoryRoot();
const directory = 'test/clients';

/** What stands between `region <name>` and `endregion`, at the left edge. */
function regionOf(file: string, name: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  const found = new RegExp(
    `^[ \\t]*(?://|#) ?#?region ${name}\\n(.*?)^[ \\t]*(?://|#) ?#?endregion`,
    'ms',
  ).exec(text);
  if (found === null) throw new Error(`${file} has no region ${name}`);
  const lines = found[1]!.replace(/^\n+|\n+$/g, '').split('\n');
  const indents = lines.filter((line) => line !== '').map((line) => /^[ \t]*/.exec(line)![0].length);
  const indent = Math.min(...indents);
  // Three versions of one package need three names here, but not where only one is installed.
  return lines
    .map((line) => line.slice(indent))
    .join('\n')
    .replace(/'eventsource-\d'/g, "'eventsource'");
}

describe('the code in docs/clients.md', () => {
  const document = readFileSync(join(root, 'docs/clients.md'), 'utf8');
  const snippets = [
    ...document.matchAll(/<!-- ((?:test\/clients\/\S+ )+)(?:(\w+) )?-->\n```\w+\n(.*?)\n```/gs),
  ].flatMap(([, files, region = 'docs', code]) =>
    files!
      .trim()
      .split(' ')
      .map((file) => ({ file, region, code })),
  );

  it.each(snippets)('is what runs: $file $region', ({ file, region, code }) => {
    expect(code).toBe(regionOf(file, region));
  });

  it('has every program', () => {
    const files = readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(mjs|go|py|java)$/.test(name))
      .map((name) => join(directory, name))
      .filter((file) => /region docs\n/.test(readFileSync(join(root, file), 'utf8')));
    expect(
      snippets
        .filter(({ region }) => region === 'docs')
        .map(({ file }) => file)
        .sort(),
    ).toEqual(files.sort());
    expect(files.length).toBeGreaterThan(10);
  });

  it('names the versions that run', () => {
    const pins = [
      ...Object.values(
        (
          JSON.parse(readFileSync(join(root, directory, 'npm/package.json'), 'utf8')) as Record<
            string,
            object
          >
        ).dependencies as Record<string, string>,
      ).map((version) => version.replace(/^npm:.*@/, '')),
      ...[...readFileSync(join(root, directory, 'java/pom.xml'), 'utf8').matchAll(/<version>(.*\..*)</g)].map(
        ([, version]) => version!,
      ),
      ...[
        ...readFileSync(join(root, directory, 'go/go.mod'), 'utf8').matchAll(
          /(?:eventsource|sse\/v2) v(\S+)/g,
        ),
      ].map(([, version]) => version!),
      ...[
        ...readFileSync(join(root, directory, 'python/requirements.txt'), 'utf8').matchAll(
          /^(?:httpx|httpx-sse|sseclient-py|requests)==(.*)$/gm,
        ),
      ].map(([, version]) => version!),
    ];
    expect(pins).toHaveLength(15);
    const table = document.slice(document.indexOf('| library |'), document.indexOf('## What holds'));
    expect(pins.filter((version) => !table.includes(version))).toEqual([]);
  });
});
