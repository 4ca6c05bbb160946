// One jest project per tier, so that test/run.ts can run the cheap ones first and name what it skipped.
const tier = (name) => ({
  displayName: name,
  rootDir: __dirname,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } }],
    // ES modules, which jest cannot require as Node does.
    '/node_modules/(jose|@marcbachmann/cel-js)/.+\\.js$': [
      '@swc/jest',
      { jsc: { target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  // Copies of packages of this repository lie there, with the same names.
  modulePathIgnorePatterns: ['<rootDir>/.cache/'],
  transformIgnorePatterns: ['/node_modules/(?!(jose|@marcbachmann/cel-js)/)'],
});

module.exports = {
  projects: [
    'unit',
    'property',
    'http',
    'package',
    'conformance',
    'contract',
    'integration',
    'browser',
    'loadtest',
    'issues',
    'faults',
    'bench',
    'clients',
    'compose',
  ].map(tier),
};
