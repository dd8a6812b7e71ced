import { EXIT, printable, type ExitCode } from '../../base/index.ts';
import type { Target } from '../../delivery/index.ts';
import { findProject } from '../../home/index.ts';
import { verify, type Verification } from '../../report/index.ts';
import type { Answer } from '../answer.ts';
import { routeOption } from '../history/filters.ts';
import { flagOption, textOption, type Context } from '../io.ts';
import { compareHoldings, type Compared, type Comparison } from '../proof/comparison.ts';
import { openWorkspace, STREAMS } from '../workspace.ts';

const WORDS = { found: '✗', mended: '✓ mended:', set_aside: '! set aside:' } as const;

/**
 * `spec-kitty sync verify`: everything stored of this project, read and compared; `--repair` mends it. `--target` then
 * asks a receiver what it has of the project and compares that with what it has confirmed.
 */
export async function run(context: Context): Promise<Answer> {
  const { home, system, options } = context;
  const repair = flagOption(options, 'repair');
  const project = await findProject(system);
  const done = await verify(home, project, { repair, streams: STREAMS });
  const isSound = done.flaws.every(({ state }) => state !== 'found');
  // What contradicts itself here says nothing about a receiver.
  const asked = isSound ? await askTarget(context) : null;
  return {
    exit: isSound ? exitOf(asked) : EXIT.integrity,
    json: {
      intact: done.flaws.length === 0,
      flaws: done.flaws,
      quarantined: done.quarantined,
      kept: done.kept,
      recovered: done.recovered,
      store_epoch: done.epoch,
      repaired: repair,
      target: asked === null ? null : askedToJson(asked),
    },
    lines: [...linesOf(done), verdict(done, { repair, isSound }), ...askedLines(asked)],
  };
}

interface Asked {
  readonly target: Target;
  /** Null when it lists nothing to compare. */
  readonly found: Comparison | null;
}

async function askTarget(context: Context): Promise<Asked | null> {
  if (textOption(context.options, 'target') === null) return null;
  const workspace = await openWorkspace(context);
  const route = routeOption(context, workspace);
  if (route === null) return null;
  return { target: route.target, found: await compareHoldings(context, workspace, route) };
}

function exitOf(asked: Asked | null): ExitCode {
  if (asked === null) return EXIT.fine;
  if (asked.found === null) return EXIT.failed;
  return isHeld(asked.found) ? EXIT.fine : EXIT.integrity;
}

function isHeld({ events, bodies }: Comparison): boolean {
  return [events, bodies].every(({ absent, differing }) => absent + differing === 0);
}

function askedToJson({ target, found }: Asked): Readonly<Record<string, unknown>> {
  return {
    target_id: target.publicId,
    canonical_url: target.canonicalUrl,
    all_held: found === null ? null : isHeld(found),
    events: found === null ? null : countsOf(found.events),
    bodies: found === null ? null : countsOf(found.bodies),
  };
}

function countsOf(each: Compared): Readonly<Record<string, unknown>> {
  return {
    delivered: each.delivered,
    held: each.held,
    absent: each.absent,
    absent_ids: each.absentIds,
    differing: each.differing,
    differing_ids: each.differingIds,
  };
}

function askedLines(asked: Asked | null): readonly string[] {
  if (asked === null) return [];
  const { target, found } = asked;
  const url = target.canonicalUrl;
  if (found === null) return [`${url} gave no list of what it has: nothing could be compared.`];
  const { events, bodies } = found;
  if (isHeld(found)) {
    return [`✓ ${url} lists every one of ${events.held} event(s) and ${bodies.held} text(s).`];
  }
  const again = `spec-kitty sync replay --target ${target.publicId} --redeliver`;
  return [
    ...quoted(
      events.absentIds,
      `✗ ${url} confirmed ${events.absent} event(s) and lists none of them:`,
    ),
    ...quoted(
      bodies.absentIds,
      `✗ ${url} confirmed ${bodies.absent} text(s) and lists none of them:`,
    ),
    ...quoted(
      events.differingIds,
      `✗ ${url} lists ${events.differing} event(s) of ours with another hash; they stay apart:`,
    ),
    ...(events.absent + bodies.absent === 0 ? [] : [`To send them again, run \`${again}\`.`]),
  ];
}

function quoted(ids: readonly string[], heading: string): readonly string[] {
  return ids.length === 0 ? [] : [heading, ...ids.map((id) => printable(`  ${id}`))];
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
