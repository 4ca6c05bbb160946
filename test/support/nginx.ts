import { missingForNginx, type Nginx, type NginxOptions, startNginx } from '../../infra/local/nginx';

/** Whether tests with nginx can run here; `reason` says what is missing, or is empty. */
export function nginxTier(): { available: boolean; reason: string } {
  const reason = missingForNginx();
  return { available: reason === null, reason: reason ?? '' };
}

/** A test has few streams; fewer worker processes start faster. */
const STREAMS = 1_000;

const open = new Set<Nginx>();

// Registered for each test file that imports this module.
afterAll(async () => {
  await Promise.all([...open].map((nginx) => nginx.close()));
  open.clear();
});

/** nginx with the product's configuration, ended after the file's last test at the latest. */
export async function openNginx(options: NginxOptions): Promise<Nginx> {
  const nginx = await startNginx({ streams: STREAMS, ...options });
  open.add(nginx);
  return nginx;
}
