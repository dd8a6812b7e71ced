import { mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { judgeSite, readAcks } from './oracle.ts';
import {
  bundlePrograms,
  IN_A_NAMESPACE,
  namespacesWork,
  runScript,
  scratchDir,
} from './programs.ts';
import { createSite, environmentOf, wordsOf, type Site } from './site.ts';
import { say } from './sizes.ts';

// The home lies on a file system of its own, seen by one process tree alone: so small that it runs full, or
// mounted without the right to write. Nothing here grows with CRASH=full.

const LONG = 120_000;

const scratch = scratchDir(false);
const { worker, cli } = await bundlePrograms(scratch);
const canMount = namespacesWork('full and read-only disks');

/** Each command of a scene prints how it ended behind this. */
const MARK = '=====';

/**
 * Runs a scene of shell lines in which `worker` and `cli` are commands, `$HOME_DIR` is the home and `$KEPT` a
 * directory that is still there afterwards. Answers what each command printed, and how it ended, in order.
 */
async function play(site: Site, kept: string, lines: string): Promise<readonly Said[]> {
  const script = `
    run() { "$@" 2>&1; echo "${MARK} $?"; }
    worker() { verb=$1; shift; run "$NODE" "${worker}" "$verb" "${site.root}" "${site.home}" "$@"; }
    cli() { cd "${site.root}" && run "$NODE" "${cli}" "$@"; }
    ${lines}`;
  const env = { ...environmentOf(site), NODE: process.execPath, HOME_DIR: site.home, KEPT: kept };
  const ended = await runScript('-c', [script], {
    before: [...IN_A_NAMESPACE, 'sh'],
    env,
    plain: true,
  });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const parts = ended.stdout.split(new RegExp(`^${MARK} (\\d+)\n`, 'm'));
  return parts.flatMap((text, index) =>
    index % 2 === 1 || index === parts.length - 1 ? [] : [{ text, exit: Number(parts[index + 1]) }],
  );
}

interface Said {
  readonly text: string;
  readonly exit: number;
}

test.skipIf(!canMount)(
  'a full disk refuses loudly and takes facts again when there is room',
  { timeout: LONG },
  async () => {
    const site = createSite(path.join(scratch, 'full'));
    mkdirSync(site.home);
    const kept = path.join(scratch, 'full', 'kept');
    const [filling, emitted, status, after, again] = await play(
      site,
      kept,
      `mount -t tmpfs -o size=1800k t "$HOME_DIR"
     head -c 800000 /dev/zero > "$HOME_DIR/ballast"
     worker capture 0 900
     cli emit WPStatusChanged --payload '{"wp_id":"WP01","from_lane":"planned","to_lane":"claimed","actor":"x"}'
     cli sync status --json
     rm "$HOME_DIR/ballast"
     worker capture 5000 5
     cli emit WPStatusChanged --payload '{"wp_id":"WP01","from_lane":"planned","to_lane":"claimed","actor":"x"}'
     cp -r "$HOME_DIR" "$KEPT"`,
    );
    const acked = readAcks(filling?.text ?? '').map((ack) => ack.n);
    const failed = [...(filling?.text ?? '').matchAll(/^failed (\d+) (\S+) (\d+) (.*)$/gm)];
    say(`full disk: ${acked.length} captured, ${failed.length} refused: ${failed[0]?.[4]}`);
    expect(acked.length).toBeGreaterThan(20);
    expect(acked.length + failed.length).toBe(900);
    expect(new Set(failed.map(([, , code, exit]) => `${code} ${exit}`))).toEqual(
      new Set(['capture_failed 1']),
    );
    expect(failed[0]?.[4]).toContain('nothing was recorded');
    expect(emitted).toMatchObject({ exit: 1 });
    expect(emitted?.text).toMatch(/nothing was recorded: ENOSPC/);
    expect(status?.exit, status?.text).toBe(0);
    expect(countIn(status)).toBe(acked.length);
    const later = readAcks(after?.text ?? '').map((ack) => ack.n);
    expect(later).toHaveLength(5);
    expect(again).toMatchObject({ exit: 0 });
    const tried = Array.from({ length: 900 }, (_, n) => n);
    const found = { root: site.root, home: kept };
    expect(await judgeSite(found, { acked: [acked, later], tried, others: 1 })).toEqual([]);
  },
);

test.skipIf(!canMount)(
  'a read-only home is told apart from an empty one',
  { timeout: LONG },
  async () => {
    const site = createSite(path.join(scratch, 'read-only'));
    const written = await runScript(worker, ['capture', ...wordsOf(site), 0, 5], {
      env: environmentOf(site),
    });
    const acked = readAcks(written.stdout).map((ack) => ack.n);
    const [refused, emitted, status, whole] = await play(
      site,
      '',
      `mount --bind "$HOME_DIR" "$HOME_DIR" && mount -n -o remount,bind,ro "$HOME_DIR"
     worker capture 100 3
     cli emit WPStatusChanged --payload '{"wp_id":"WP01","from_lane":"planned","to_lane":"claimed","actor":"x"}'
     cli sync status --json
     cd / && run "$NODE" "${cli}" sync status --json`,
    );
    say(`read-only home: ${emitted?.text.trim()}`);
    expect(readAcks(refused?.text ?? '')).toEqual([]);
    expect(refused?.text.match(/^failed \d+ capture_failed 1 /gm)).toHaveLength(3);
    expect(emitted).toMatchObject({ exit: 1 });
    expect(emitted?.text).toMatch(/nothing was recorded: EROFS/);
    expect(status?.exit, status?.text).toBe(0);
    expect(countIn(status)).toBe(5);
    expect(whole?.exit, whole?.text).toBe(0);
    expect(await judgeSite(site, { acked: [acked], tried: [] })).toEqual([]);
  },
);

/** How many facts status speaks of, in the store and beside it. */
function countIn(said: Said | undefined): number {
  const { event_journal, spilled_events } = JSON.parse(said?.text ?? '') as {
    readonly event_journal: { readonly retained_event_count: number };
    readonly spilled_events: number;
  };
  return event_journal.retained_event_count + spilled_events;
}
