import { spawnSync } from 'node:child_process';

/** The `go` line of loadtest/k6/go.mod, of infra/k8s/check/go.mod and of test/clients/go/go.mod. */
const MIN_GO = { major: 1, minor: 25 };

/** Why the manifests of infra/k8s cannot be read on this machine, with what to do; null when they can. */
export function missingForManifests(): string | null {
  const fault = goFault();
  return fault === null ? null : `the manifests are read with ${fault}. Install it from https://go.dev/dl/`;
}

/** The Go that is needed and the one that is installed; null when it is new enough. */
export function goFault(): string | null {
  const go = spawnSync('go', ['env', 'GOVERSION'], {
    encoding: 'utf8',
    env: { ...process.env, GOTOOLCHAIN: 'local' },
  });
  const version = go.status === 0 ? goVersion(go.stdout) : null;
  if (version !== null && isNewEnough(version)) return null;
  const found = version === null ? 'there is none' : `this is ${version.major}.${version.minor}`;
  return `Go ${MIN_GO.major}.${MIN_GO.minor} or newer, and ${found}`;
}

export interface GoVersion {
  readonly major: number;
  readonly minor: number;
}

/** 1.26 for `go1.26.8`; null for anything but a release. */
export function goVersion(output: string): GoVersion | null {
  const found = /^go(\d+)\.(\d+)/.exec(output);
  return found === null ? null : { major: Number(found[1]), minor: Number(found[2]) };
}

function isNewEnough({ major, minor }: GoVersion): boolean {
  return major > MIN_GO.major || (major === MIN_GO.major && minor >= MIN_GO.minor);
}
