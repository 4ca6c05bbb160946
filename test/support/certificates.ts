import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** PEM files of one authority, and of what it signed. */
export interface Certificates {
  readonly authority: string;
  /** For localhost: key and certificate in one file, as a broker wants them. */
  readonly broker: string;
  readonly client: { readonly certificate: string; readonly key: string };
  /** The same of another authority, which nobody trusts. */
  readonly stranger: { readonly certificate: string; readonly key: string };
  /** Another file beside them. Answers its path. */
  write(name: string, ...parts: string[]): Promise<string>;
  remove(): Promise<void>;
}

const EC = { keyType: 'ec', algorithm: 'sha256' } as const;

/** Makes them in a temporary directory. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'certificates-'));
  const write = async (name: string, ...parts: string[]): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, parts.join('\n'));
    return path;
  };
  const own = await authority('gateway tests');
  const other = await authority('strangers');
  const broker = await signed('broker', own, [{ type: 7, ip: '127.0.0.1' }]);
  const [client, stranger] = [await signed('client', own), await signed('client', other)];
  return {
    authority: await write('authority.pem', own.cert),
    broker: await write('broker.pem', broker.private, broker.cert),
    client: {
      certificate: await write('client.pem', client.cert),
      key: await write('client-key.pem', client.private),
    },
    stranger: {
      certificate: await write('stranger.pem', stranger.cert),
      key: await write('stranger-key.pem', stranger.private),
    },
    write,
    remove: () => rm(directory, { recursive: true }),
  };
}

interface Signed {
  readonly private: string;
  readonly cert: string;
}

function authority(name: string): Promise<Signed> {
  const extensions = [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ] as const;
  return generate([{ name: 'commonName', value: name }], { ...EC, extensions: [...extensions] });
}

function signed(
  name: string,
  { private: key, cert }: Signed,
  altNames: { readonly type: 7; readonly ip: string }[] = [],
): Promise<Signed> {
  const extensions = [
    { name: 'basicConstraints', cA: false },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    ...(altNames.length === 0 ? [] : [{ name: 'subjectAltName', altNames }]),
  ];
  return generate([{ name: 'commonName', value: name }], {
    ...EC,
    ca: { key, cert },
    extensions: extensions as never,
  });
}
