import { join } from 'node:path';
import { javaMajor } from '../../../infra/local/java';
import { jarsDirectory, KAFKA_VERSION } from '../../../infra/local/kafka-jars';
import { repositoryRoot } from '../../../infra/local/repository';

describe('the broker’s jars', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['openjdk version "21" 2023-09-19', 21],
    ['java version "1.8.0_402"', 8],
    ['The operation couldn’t be completed. Unable to locate a Java Runtime.', null],
  ])('read the Java version of %j', (output, major) => {
    expect(javaMajor(output)).toBe(major);
  });

  describe('are cached', () => {
    const before = process.env.KAFKA_CACHE_DIR;
    afterEach(() => {
      if (before === undefined) delete process.env.KAFKA_CACHE_DIR;
      else process.env.KAFKA_CACHE_DIR = before;
    });

    it('in the repository', () => {
      delete process.env.KAFKA_CACHE_DIR;
      expect(jarsDirectory()).toBe(join(repositoryRoot(), '.cache', `kafka-${KAFKA_VERSION}`, 'libs'));
      expect(repositoryRoot()).toBe(join(__dirname, '../../..'));
    });

    it('or where KAFKA_CACHE_DIR says', () => {
      process.env.KAFKA_CACHE_DIR = '/elsewhere';
      expect(jarsDirectory()).toBe(`/elsewhere/kafka-${KAFKA_VERSION}/libs`);
    });
  });
});
