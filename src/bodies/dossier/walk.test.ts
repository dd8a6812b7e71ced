import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { childScript, startScript } from '../../../test/support/child-script.ts';
import { missionTrial } from '../../../test/support/mission-trial.ts';
import { tempDir } from '../../../test/support/temp-home.ts';
import { sha256Hex, systemFiles } from '../../base/index.ts';
import { MAX_DEPTH } from '../limits.ts';
import { pathIssue } from './paths.ts';
import { walkMission } from './walk.ts';

const SECRET = 'the secret of somebody else';

/** Names that are fine, and names that are not. `null` stands for fine. */
const NAMES: readonly (readonly [path: string, issue: RegExp | null])[] = [
  ['spec.md', null],
  ['research/a b.md', null],
  ['research/a+b@c (1).md', null],
  ['research/日本語.md', null],
  ['research/é.md', null],
  ['research/🚀.md', null],
  ['research/[x].md', null],
  ['research/{x}.md', null],
  ['research/$HOME.md', null],
  ['research/`id`.md', null],
  ["research/it's.md", null],
  ['research/a;b.md', null],
  ['research/a&b.md', null],
  ['research/a%2fb.md', null],
  ['research/-rf.md', null],
  ['research/~.md', null],
  ['research/#.md', null],
  ['research/a..md', null],
  ['research/...a.md', null],
  ['research/a,b.csv', null],
  ['research/console.md', null],
  ['research/null.md', null],
  ['research/com.md', null],
  ['research/com10.md', null],
  ['research/__proto__.md', null],
  ['research/constructor', null],
  ['research/a\u200bb.md', null],
  [`research/${'a'.repeat(252)}.md`, null],
  ['', /empty/],
  ['/etc/passwd', /empty part/],
  ['../x.md', /not a name/],
  ['research/../x.md', /not a name/],
  ['research/..', /not a name/],
  ['./spec.md', /not a name/],
  ['research/./a.md', /not a name/],
  ['research//a.md', /empty part/],
  ['research/', /empty part/],
  ['C:/x.md', /Windows/],
  ['C:x.md', /Windows/],
  ['research\\a.md', /Windows/],
  ['\\\\?\\C:\\x.md', /Windows/],
  ['\\\\host\\share\\x.md', /Windows/],
  ['research/a.md:stream', /Windows/],
  ['research/a*.md', /Windows/],
  ['research/a?.md', /Windows/],
  ['research/"a".md', /Windows/],
  ['research/<a>.md', /Windows/],
  ['research/a|b.md', /Windows/],
  ['research/CON.md', /device/],
  ['research/con', /device/],
  ['research/nul.md', /device/],
  ['research/AUX/a.md', /device/],
  ['research/COM1.md', /device/],
  ['research/lpt9.txt', /device/],
  ['research/COM¹.md', /device/],
  ['research/a.', /dot or a space/],
  ['research/a.md ', /dot or a space/],
  ['research /a.md', /dot or a space/],
  ['research/e\u0301.md', /form C/],
  ['research/a\nb.md', /control/],
  ['research/a\u0000b.md', /control/],
  ['research/a\u001b[31m.md', /control/],
  ['research/a\u0085.md', /control/],
  ['research/a\u2028.md', /control/],
  ['research/a\u007f.md', /control/],
  ['research/\ud800.md', /UTF-8/],
  ['research/\ufffd.md', /UTF-8/],
  [`research/${'a'.repeat(256)}`, /255/],
  [`${'research/'.repeat(120)}a.md`, /1024|1,024/],
];

describe('a path', () => {
  it.each(NAMES)('%j: %s', (name, issue) => {
    if (issue === null) expect(pathIssue(name)).toBeNull();
    else expect(pathIssue(name)).toMatch(issue);
  });

  it('is judged in time that grows with its length alone', () => {
    const started = performance.now();
    for (const part of ['a', 'a/', '. ', '../', 'con.']) pathIssue(part.repeat(400_000));
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('a mission', () => {
  it('with every name a file system takes is indexed, each file with its outcome', () => {
    const trial = missionTrial();
    const put: string[] = [];
    for (const [name] of NAMES) {
      if (!/^[^/]*(?:\/[^/]+)*$/.test(name) || /(?:^|\/)(?:\.|\/)|^\/|\.\.?$|\0|^$/.test(name))
        continue;
      if (Buffer.byteLength(name) > 250 || /[\ud800-\udfff]/.test(name)) continue;
      trial.put(name, `text of ${name}`);
      put.push(name);
    }
    const done = trial.sync();
    expect(done.problem).toBeNull();
    expect(done.outcomes.map((each) => each.path)).toEqual([...put].sort());
    for (const { path: each, status } of done.outcomes) {
      if (pathIssue(each) !== null) expect([each, status]).toEqual([each, 'skipped']);
    }
    expect(trial.sync().isUnchanged).toBe(true);
  });

  it('says of a name that is no UTF-8 that it cannot be used', () => {
    const trial = missionTrial();
    const name = Buffer.concat([
      Buffer.from(`${path.join(trial.root, 'kitty-specs/m')}/a`),
      Buffer.from([0xff]),
      Buffer.from('.md'),
    ]);
    fs.writeFileSync(name, 'text');
    expect(trial.outcomes(trial.sync())).toEqual([
      'a\ufffd.md: skipped not_present: unsupported_path: is not valid UTF-8',
    ]);
  });

  it('is never left: links to files, to folders and in the middle, pipes, other people’s files', () => {
    const trial = missionTrial();
    const outside = path.join(trial.root, '..', 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, 'x.md'), SECRET);
    const at = (name: string): string => path.join(trial.root, 'kitty-specs', 'm', name);
    trial.put('research/real.md', 'fine');
    fs.symlinkSync(path.join(outside, 'x.md'), at('spec.md'));
    fs.symlinkSync(outside, at('contracts'));
    fs.symlinkSync('real.md', at('research/inner.md'));
    fs.symlinkSync('..', at('research/loop'));
    fs.symlinkSync('nothing', at('research/dangling.md'));
    spawnSync('mkfifo', [at('research/pipe.md')]);
    const done = trial.sync();
    expect(trial.outcomes(done)).toEqual([
      'contracts: skipped not_present: symlink',
      'research/dangling.md: skipped not_present: symlink',
      'research/inner.md: skipped not_present: symlink',
      'research/loop: skipped not_present: symlink',
      'research/pipe.md: skipped not_present: not_a_file',
      'research/real.md: queued enqueued',
      'spec.md: skipped not_present: symlink',
    ]);
    expect(trial.uploads()).toEqual(['research/real.md fine']);
    expect(JSON.stringify([trial.events(), done])).not.toContain(SECRET);
  });

  it('keeps what was announced of a folder that cannot be looked into', () => {
    const trial = missionTrial();
    trial.put('research/a.md', 'text');
    trial.put('spec.md', 'text');
    trial.sync();
    const closed = {
      ...systemFiles,
      list: (folder: string, most?: number) => {
        if (!folder.endsWith('research')) return systemFiles.list(folder, most);
        throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
      },
    };
    const { journal } = trial.run;
    const system = { ...journal.system, files: closed };
    const done = trial.sync({ journal: { ...journal, system } });
    expect(done.deleted).toEqual([]);
    expect(trial.outcomes(done)[0]).toBe('research: skipped not_present: unreadable');
    expect(trial.payloads('MissionDossierArtifactMissing')).toEqual([]);
  });

  it('is looked into to a depth, and what lies deeper is said', () => {
    const root = tempDir();
    const deep = path.join(root, ...Array.from({ length: MAX_DEPTH + 5 }, () => 'd'));
    fs.mkdirSync(deep, { recursive: true });
    fs.writeFileSync(path.join(deep, 'x.md'), 'x');
    const tree = walkMission(systemFiles, root);
    expect(tree).toMatchObject({ isTruncated: true, found: [{ issue: 'too_deep' }] });
  });
});

/** Swaps of the race; the long run takes 10,000. */
const SWAPS = Number(process.env['SPEC_KITTY_TEST_SWAPS'] ?? '1000');

it('never reads outside while a folder is swapped for a link and back', async () => {
  const trial = missionTrial();
  const outside = path.join(trial.root, '..', 'outside');
  fs.mkdirSync(outside);
  fs.writeFileSync(path.join(outside, 'a.md'), SECRET);
  trial.put('research/a.md', 'fine');
  const folder = path.join(trial.root, 'kitty-specs/m/research');
  const swapper = childScript(`
    import fs from 'node:fs';
    const [folder, outside, swaps] = process.argv.slice(2);
    for (let n = 0; n < Number(swaps); n += 1) {
      fs.renameSync(folder, folder + '.aside');
      fs.symlinkSync(outside, folder);
      fs.unlinkSync(folder);
      fs.renameSync(folder + '.aside', folder);
    }
  `);
  const running = { isOver: false };
  const { ended } = startScript(swapper, [folder, outside, String(SWAPS)]);
  const over = ended.then(({ code }) => {
    running.isOver = true;
    return code;
  });
  let rounds = 0;
  while (!running.isOver && rounds < 100_000) {
    trial.sync();
    rounds += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await over).toBe(0);
  expect(rounds).toBeGreaterThan(5);
  const kept = trial.db.all<{ content: Uint8Array }>('SELECT content FROM blobs');
  expect(kept.map(({ content }) => Buffer.from(content).toString())).not.toContain(SECRET);
}, 120_000);

/** Rounds of a program that does everything to one file; the long run takes 1,000. */
const ROUNDS = Number(process.env['SPEC_KITTY_TEST_ROUNDS'] ?? '150');

it('keeps only what was in a file at one moment while another program changes it in every way', async () => {
  const trial = missionTrial();
  const outside = path.join(trial.root, '..', 'outside.md');
  fs.writeFileSync(outside, SECRET);
  const file = trial.put('spec.md', 'begun\n');
  spawnSync('mkfifo', [`${file}.pipe`]);
  const mutator = childScript(`
    import fs from 'node:fs';
    import net from 'node:net';
    const [file, outside, rounds] = process.argv.slice(2);
    const put = () => { fs.writeFileSync(file + '.new', 'replaced '.repeat(9000)); fs.renameSync(file + '.new', file); };
    const gone = () => fs.rmSync(file, { force: true, recursive: true });
    const ways = [
      () => fs.appendFileSync(file, 'appended '.repeat(5000)),
      () => fs.truncateSync(file, 10),
      put,
      () => { gone(); put(); },
      () => { gone(); fs.mkdirSync(file); fs.writeFileSync(file + '/in.md', 'in'); gone(); put(); },
      () => { gone(); fs.symlinkSync(outside, file); gone(); put(); },
      () => { gone(); fs.linkSync(file + '.pipe', file); gone(); put(); },
    ];
    for (let n = 0; n < Number(rounds); n += 1) ways[n % ways.length]();
    gone();
    fs.writeFileSync(file, 'ended\\n');
  `);
  const running = { isOver: false };
  const over = startScript(mutator, [file, outside, String(ROUNDS)]).ended.then(({ code }) => {
    running.isOver = true;
    return code;
  });
  while (!running.isOver) {
    trial.sync();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await over).toBe(0);
  trial.sync();
  const kept = trial.db.all<{ sha256: string; content: Uint8Array }>(
    'SELECT sha256, content FROM blobs',
  );
  for (const { sha256, content } of kept) expect(sha256Hex(content)).toBe(sha256);
  // What it writes is made of these alone, cut anywhere.
  const whole = /^(?:begun\n|ended\n|[replacdni ])*$/;
  for (const { content } of kept) expect(Buffer.from(content).toString()).toMatch(whole);
  expect(trial.uploads()).toContain('spec.md ended\n');
  const last = trial.payloads('MissionDossierArtifactIndexed').at(-1);
  expect(last).toMatchObject({ content_ref: { hash: sha256Hex('ended\n') } });
}, 120_000);
