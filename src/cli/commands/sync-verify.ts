import { EXIT } from '../../base/index.ts';
import { findProject } from '../../home/index.ts';
import { verify, type Verification } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { flagOption, type Context } from '../io.ts';
import { STREAMS } from '../workspace.ts';

const WORDS = { found: '✗', mended: '✓ mended:', set_aside: '! set aside:' } as const;

/** `spec-kitty sync verify`: everything stored of this project, read and compared; `--repair` mends it. */
export async function run(context: Context): Promise<Answer> {
  const { home, system, options } = context;
  const repair = flagOption(options, 'repair');
  const project = await findProject(system);
  const done = await verify(home, project, { repair, streams: STREAMS });
  const isSound = done.flaws.every(({ state }) => state !== 'found');
  return {
    exit: isSound ? EXIT.fine : EXIT.integrity,
    json: {
      intact: done.flaws.length === 0,
      flaws: done.flaws,
      quarantined: done.quarantined,
      kept: done.kept,
      recovered: done.recovered,
      store_epoch: done.epoch,
      repaired: repair,
    },
    lines: [...linesOf(done), verdict(done, { repair, isSound })],
  };
}

function linesOf({ flaws, kept, recovered, quarantined }: Verification): readonly string[] {
  return [
    ...flaws.map(({ code, detail, state }) => `${WORDS[state]} ${code}: ${detail}`),
    ...kept.map((file) => `  Kept as it was: ${file}`),
    ...(recovered === 0 ? [] : [`  ${recovered} event(s) were recovered`]),
    ...(quarantined === 0 ? [] : [`  ${quarantined} event(s) are in quarantine and never sent`]),
    ...(flaws.some(({ code, state }) => code === 'store_damaged' && state === 'set_aside')
      ? ['  Its targets and permissions went with it: name the target again.']
      : []),
  ];
}

function verdict(
  { flaws }: Verification,
  how: { readonly repair: boolean; readonly isSound: boolean },
): string {
  if (flaws.length === 0) return '✓ Everything is as it was stored.';
  if (how.isSound) return 'Nothing is wrong any more.';
  if (how.repair) return 'Some of it cannot be mended.';
  return 'Nothing was changed. To mend it, run `spec-kitty sync verify --repair`.';
}
