import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository';

const root = repositoryRoot();
const places = ['', 'docs', 'docs/decisions', 'infra/k8s', 'loadtest/k6', 'test'];
const documents = places.flatMap((place) =>
  readdirSync(join(root, place))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(place, name)),
);

const MADE_BY_RUNS = /^(bench|loadtest)\/results\/$/;

function read(document: string): string {
  return readFileSync(join(root, document), 'utf8');
}

/** The names that headings have as targets of links, as GitHub makes them. */
function anchors(document: string): string[] {
  const headings = read(document)
    .replace(/^```.*?^```/gms, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(documents)('%s', (document) => {
  it('links to what is there', () => {
    const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    const broken = links
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? document : join(dirname(document), path);
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && !anchors(target).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('names only files and scripts that are there', () => {
    const words = [...read(document).matchAll(/`([^`\n]+)`/g)].map(([, word]) => word!);
    const files = words.filter(
      (word) =>
        /^(src|test|bench|loadtest|infra|docs|examples)\/[\w./-]+$/.test(word) && !MADE_BY_RUNS.test(word),
    );
    const tests = words
      .filter((word) => /^(contract|faults|http|integration|issues|property|unit)\/[\w/-]+$/.test(word))
      .map((word) => `test/${word}.test.ts`);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const called = [...read(document).matchAll(/\bnpm run ([a-z:0-9]+)/g)].map(([, script]) => script!);
    expect([...files, ...tests].filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(called.filter((script) => scripts[script] === undefined)).toEqual([]);
  });
});
