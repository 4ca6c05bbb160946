import { type Nginx, type NginxOptions, startNginx } from '../../infra/local/nginx';

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
