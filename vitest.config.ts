import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';

/** The bundler reads `.sql` as text; the test runner must do the same. */
function sqlAsText(): Plugin {
  return {
    name: 'sql-as-text',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('.sql')) return null;
      return `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`;
    },
  };
}

/** Each room answers for itself: a well-tested neighbour does not make up for it. */
function thresholdsByRoom(): Record<string, { readonly lines: number }> {
  const rooms = readdirSync(new URL('src', import.meta.url), { withFileTypes: true });
  return Object.fromEntries(
    rooms
      .filter((room) => room.isDirectory())
      .map((room) => [`src/${room.name}/**`, { lines: 90 }]),
  );
}

export default defineConfig({
  plugins: [sqlAsText()],
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: [
      'test/support/home-guard.ts',
      'test/support/postgres-run.ts',
      'test/support/chromium-run.ts',
    ],
    setupFiles: ['test/support/leak-guard.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.{ts,tsx}'],
      exclude: ['src/**/*.test.ts', 'src/**/*.d.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      thresholds: thresholdsByRoom(),
    },
  },
});
