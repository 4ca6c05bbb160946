// npm run conformance -- <base url> [--proxy]: judges a running server sentence by sentence.
import { spawnSync } from 'node:child_process';

const [url, option] = process.argv.slice(2);
if (
  url === undefined ||
  url === '--help' ||
  !URL.canParse(url) ||
  (option !== undefined && option !== '--proxy')
) {
  process.stdout.write(
    'Usage: npm run conformance -- <base url> [--proxy]\n\n' +
      'Judges the server at the base URL by the contract, one MUST or SHOULD after the other. It publishes events under\n' +
      '/conformance/ and to /. --proxy: several gateways are behind the URL, so /connections is the count of one of them.\n',
  );
  process.exit(url === '--help' ? 0 : 2);
}
const env = { ...process.env, CONFORMANCE_URL: url, CONFORMANCE_PROXY: option === '--proxy' ? '1' : '' };
const args = ['jest', '--selectProjects', 'conformance', '--testPathPatterns', 'direct', '--verbose'];
const { status } = spawnSync('npx', args, { stdio: 'inherit', env });
process.exit(status ?? 1);
