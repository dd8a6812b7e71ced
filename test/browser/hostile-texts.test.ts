import process from 'node:process';
import { expect, it } from 'vitest';
import { sha256Hex } from '../../src/base/index.ts';
import { browserOfFile } from '../support/browser.ts';
import { indexed, NAMESPACE } from '../support/dossier-events.ts';
import { HOSTILE_MARKDOWN, HOSTILE_TEXTS, INJECTIONS } from '../support/hostile-texts.ts';
import {
  envelope,
  listenTrial,
  postRequest,
  PROJECT,
  replyOf,
  send,
  startTrial,
  type Trial,
} from '../support/receiver-trial.ts';
import { crawl } from './crawl.ts';

const visit = browserOfFile();

/** Half of a surrogate pair is refused at the door. */
const ALL = [...HOSTILE_TEXTS, ...HOSTILE_MARKDOWN, ...INJECTIONS].filter(
  (text) => !/\p{Cs}/u.test(text),
);

/** Each text as a mission, a work package, an actor, a type of its own and the payload of it. */
function events(): readonly Buffer[] {
  return ALL.flatMap((text, n) => [
    envelope(10 * n, {
      event_type: 'MissionCreated',
      payload: { mission_slug: text, friendly_name: text, mission_type: text },
      project_slug: text,
    }),
    envelope(10 * n + 1, {
      event_type: 'WPCreated',
      payload: { mission_slug: `board-${n % 20}`, wp_id: `WP ${n}`, title: text },
    }),
    envelope(10 * n + 2, {
      event_type: 'WPStatusChanged',
      payload: {
        mission_slug: `board-${n % 20}`,
        wp_id: text,
        from_lane: text,
        to_lane: n % 2 === 0 ? 'done' : text,
        actor: text,
        reason: text,
      },
    }),
    envelope(10 * n + 3, {
      event_type: `Odd${text}`.slice(0, 60),
      payload: { [text]: text, deep: [{ text }], mission_slug: text },
      timestamp: '2026-03-14T11:00:00+00:00',
    }),
  ]);
}

/** The last events, so the first ones of a list: all texts in a few payloads, and the mission that has artifacts. */
function denseEvents(): readonly Buffer[] {
  const mission = envelope(70_000, {
    event_type: 'MissionCreated',
    payload: { mission_slug: NAMESPACE.mission_slug, mission_type: 'software-dev' },
    timestamp: '2026-03-14T13:00:00+00:00',
  });
  const dense = inChunks(30).map((texts, n) =>
    envelope(60_000 + n, {
      event_type: 'MissionNote',
      payload: { texts, by_text: Object.fromEntries(texts.map((text) => [text, { text }])) },
      timestamp: '2026-03-14T12:00:00+00:00',
    }),
  );
  return [mission, ...dense, ...ALL.slice(0, 60).flatMap(aboutOneMission)];
}

/** A text as a work package, and as all that is said of an artifact and of the dossier. */
function aboutOneMission(text: string, n: number): readonly Buffer[] {
  const { mission_slug } = NAMESPACE;
  const move = { mission_slug, wp_id: text, from_lane: text, to_lane: 'done', actor: text };
  const artifact = { expected_identity: { path: `a/${text}`, artifact_class: text } };
  const drift = { drift_kind: text, expected_hash: text, actual_hash: `${text}!` };
  const notes = { reason_code: text, required_status: 'required', artifact_key: text };
  const said = [
    ['WPStatusChanged', move],
    ['MissionDossierArtifactMissing', { ...artifact, context_diagnostics: notes }],
    ['MissionDossierSnapshotComputed', { snapshot_hash: text }],
    ['MissionDossierParityDriftDetected', drift],
  ] as const;
  return said.map(([event_type, payload], place) =>
    envelope(80_000 + 4 * n + place, {
      event_type,
      payload: { namespace: NAMESPACE, mission_slug, ...payload },
      timestamp: '2026-03-14T13:00:00+00:00',
    }),
  );
}

function inChunks(size: number): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(ALL.length / size) }, (_, n) =>
    ALL.slice(n * size, (n + 1) * size),
  );
}

const EXTENSIONS = ['md', 'json', 'yaml', 'csv', 'txt'];

/** Texts in the body of an artifact of the kind that its name says. */
function bodyOf(extension: string, texts: readonly string[]): string {
  if (extension === 'json') return JSON.stringify(texts.map((text) => ({ [text]: text })));
  if (extension === 'yaml') return texts.map((text) => `- ${JSON.stringify(text)}: [x]`).join('\n');
  if (extension !== 'csv') return texts.join('\n\n');
  return ['a,b', ...texts.map((text) => `"${text.replaceAll('"', '""')}",=1+1`)].join('\r\n');
}

/** Artifacts in one mission whose paths and bodies are the texts, a few in each body. */
async function sendArtifacts(trial: Trial): Promise<void> {
  for (const [n, texts] of inChunks(12).entries()) {
    const extension = EXTENSIONS[n % EXTENSIONS.length] ?? 'md';
    const name = (texts[0] ?? '').replaceAll(/[/\\\p{Cc}]/gu, '_').slice(0, 100);
    const path = `tasks/${n}${name}.${extension}`;
    for (const text of [bodyOf(extension, texts), bodyOf(extension, texts.toReversed())]) {
      const number = 50_000 + 2 * n + (text === bodyOf(extension, texts) ? 0 : 1);
      const timestamp = `2026-03-14T09:${String(number % 60).padStart(2, '0')}:00+00:00`;
      await send(trial, [indexed(number, { path, text, timestamp, lamport: number })]);
      const { project_uuid, target_branch, mission_slug, mission_type, manifest_version } =
        NAMESPACE;
      const push = {
        ...{ project_uuid, target_branch, manifest_version },
        ...{ feature_slug: mission_slug, mission_key: mission_type, artifact_path: path },
        ...{ content_hash: sha256Hex(text), hash_algorithm: 'sha256', content_body: text },
      };
      const url = 'http://localhost/api/dossier/push-content/';
      const request = postRequest(Buffer.from(JSON.stringify(push)), {}, url);
      const { status, json } = await replyOf(trial.app.fetch(request));
      expect([path, status, json]).toEqual([path, 201, json]);
    }
  }
}

it(`shows ${ALL.length} hostile texts, wherever they stand, and nothing of them runs`, async () => {
  const trial = await startTrial();
  const facts = [...events(), ...denseEvents()];
  for (let at = 0; at < facts.length; at += 500) await send(trial, facts.slice(at, at + 500));
  await sendArtifacts(trial);
  const { url } = await listenTrial(trial);
  // The pages' policy would stop a script; here none may stand that it had to stop.
  const { page } = await visit(url, { bypassCSP: true });
  const began = performance.now();
  const most = new Map([
    ['artifactPage', 60],
    ['artifactDiff', 60],
    ['packagePage', 20],
  ]);
  const opened = (kind: string): number => most.get(kind) ?? 12;
  const found = await crawl(page, { closely: 1, opened, pictures: 'hostile' });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(
    `${ALL.length} hostile texts: ${seconds} s: ${JSON.stringify([...found.pages])}\n`,
  );
  expect(found.faults).toEqual([]);
  expect(found.pages.get('artifactPage')).toBeGreaterThan(ALL.length / 12);
  expect(found.pages.get('packagePage')).toBe(20);
  await page.goto(`/projects/${PROJECT}`);
  expect(await page.getByRole('link').filter({ hasText: 'alert' }).count()).toBeGreaterThan(300);
  await page.goto(`/projects/${PROJECT}/missions/${NAMESPACE.mission_slug}`);
  expect(await page.innerText('main')).toMatch(/Drifting[^]*<script>alert\(/);
  await page.goto(`/projects/${PROJECT}/missions/${NAMESPACE.mission_slug}/artifacts`);
  await page.getByRole('link', { name: 'tasks/0<script>alert' }).first().click();
  expect(await page.innerText('main')).toContain('<script>alert(0)</script>');
}, 240_000);
