import process from 'node:process';
import { afterAll } from 'vitest';

const GRACE_MS = 2_000;
const POLL_MS = 20;

// A setup file registers its hook first, so it runs after the hooks of the test file itself.
afterAll(async () => {
  const left = await openResources();
  if (left.length > 0) throw new Error(`leak guard: left open by this file: ${left.join(', ')}`);
});

/** Listening sockets and child processes of this worker that do not go away by themselves. */
async function openResources(): Promise<readonly string[]> {
  const deadline = performance.now() + GRACE_MS;
  for (;;) {
    const left = process
      .getActiveResourcesInfo()
      .filter((name) => ['TCPServerWrap', 'ProcessWrap'].includes(name));
    if (left.length === 0 || performance.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
