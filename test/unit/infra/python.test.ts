import { pythonVersion } from '../../../infra/local/python';

describe('the Python that is there', () => {
  it.each([
    ['3.11.7 (main, Dec  8 2023, 18:56:57) [GCC 12.2.0]\n', { major: 3, minor: 11 }],
    ['3.9.2', { major: 3, minor: 9 }],
    ['', null],
  ])('has the version of %j', (output, version) => {
    expect(pythonVersion(output)).toEqual(version);
  });
});
