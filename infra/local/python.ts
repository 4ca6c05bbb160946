import { spawnSync } from 'node:child_process';

/** The oldest version for the packages of test/clients/python/requirements.txt. */
const MIN_PYTHON = { major: 3, minor: 10 };

const INSTALL =
  'Install it: `apt-get install python3-venv` (Debian, Ubuntu) or `brew install python` (macOS).';

/** Why no virtual environment of Python can be made on this machine, with what to install; null when it can. */
export function missingPython(): string | null {
  // Debian's python3 has venv, but not ensurepip, which venv needs.
  const python = spawnSync('python3', ['-c', 'import ensurepip, sys, venv; print(sys.version)'], {
    encoding: 'utf8',
  });
  const wanted = `Python ${MIN_PYTHON.major}.${MIN_PYTHON.minor} or newer with venv`;
  if (python.status !== 0) return `${wanted} is needed, and there is none. ${INSTALL}`;
  const version = pythonVersion(python.stdout);
  if (version === null || !isNewEnough(version))
    return `${wanted} is needed, and this is ${python.stdout.split(' ')[0]}. ${INSTALL}`;
  return null;
}

export interface PythonVersion {
  readonly major: number;
  readonly minor: number;
}

/** 3.11 for `3.11.7 (main, …)`; null for anything else. */
export function pythonVersion(output: string): PythonVersion | null {
  const found = /^(\d+)\.(\d+)/.exec(output);
  return found === null ? null : { major: Number(found[1]), minor: Number(found[2]) };
}

function isNewEnough({ major, minor }: PythonVersion): boolean {
  return major > MIN_PYTHON.major || (major === MIN_PYTHON.major && minor >= MIN_PYTHON.minor);
}
