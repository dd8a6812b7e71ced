import { EXIT } from '../../base/index.ts';
import type { Destination } from '../../delivery/index.ts';
import { MODE_AXES, type OptOutPolicy, type SyncMode } from '../../home/index.ts';
import { fatesUnder, type DiscardDecision } from '../../journal/index.ts';
import type { Answer } from '../answer.ts';

/** What there is to say about a mode. */
export interface ModeView {
  /** Null when the stored word is no mode. */
  readonly mode: SyncMode | null;
  readonly source: Destination['source'];
  readonly policy: OptOutPolicy;
  readonly discards: { readonly audited: number; readonly discarded: number };
}

const SOURCES: Readonly<Record<ModeView['source'], string>> = {
  project: 'chosen for this project',
  home: 'this machine’s default',
  default: 'nobody chose one',
};
const RETENTION = { on: 'facts are kept here', off: 'new facts are not kept' } as const;
const DELIVERY = {
  teamspace: 'delivered to the Teamspace server',
  external: 'delivered to a receiver of your own',
  none: 'sent nowhere',
} as const;
const FATES: Readonly<Record<DiscardDecision, string>> = {
  discard_allowed: 'dropped and counted',
  audit_recorded: 'dropped, each on record in `spec-kitty sync audit list`',
  refused: 'kept here all the same, and never sent, in any later mode',
};

/** A mode, where it comes from, and what it means on both axes. */
export function modeLines(view: ModeView): readonly string[] {
  const { mode, source } = view;
  if (mode === null) {
    const place = source === 'project' ? 'this project' : 'this machine';
    return [
      `Event sync mode: unknown (the word stored for ${place} is no mode); nothing is sent`,
      '  Recording goes on, and everything is kept. `spec-kitty sync mode LOCAL_RETENTION` mends it.',
    ];
  }
  return [`Event sync mode: ${mode} (${SOURCES[source]})`, ...meaningLines(mode, view)];
}

/** What a mode means, from the axes and the policy that capture itself decides by. */
export function meaningLines(
  mode: SyncMode,
  view: Pick<ModeView, 'policy' | 'discards'>,
): readonly string[] {
  const { retention, delivery } = MODE_AXES[mode];
  const lines = [`  ${RETENTION[retention]} and ${DELIVERY[delivery]}`];
  lines.push(`  Retention: ${retention}  Delivery: ${delivery}`);
  if (retention === 'off') lines.push(...policyLines(view.policy));
  return [...lines, ...discardLines(view.discards)];
}

/** The same for machines. */
export function modeJson(view: ModeView): Answer['json'] {
  const axes = view.mode === null ? null : MODE_AXES[view.mode];
  return {
    mode: view.mode,
    source: view.source,
    retention: axes?.retention ?? 'on',
    delivery: axes?.delivery ?? 'none',
    opt_out_policy: view.policy,
    opt_out: fatesUnder(view.policy),
    discarded: view.discards.discarded,
    audited: view.discards.audited,
  };
}

/** An unknown mode is a failure that somebody has to mend. */
export function modeExit(view: ModeView): Answer['exit'] {
  return view.mode === null ? EXIT.failed : EXIT.fine;
}

function policyLines(policy: OptOutPolicy): readonly string[] {
  return [
    ...fatesUnder(policy).map(
      ({ decision, families }) =>
        `  Events of the kinds ${families.join(', ')}: ${FATES[decision]}.`,
    ),
    `  (opt_out_policy = "${policy}"; what is retained already stays. To record on and only stop sending: \`spec-kitty sync opt-out\`.)`,
    '  Note: Teamspace-bound events are never silently dropped.',
  ];
}

function discardLines({ audited, discarded }: ModeView['discards']): readonly string[] {
  const lines: string[] = [];
  if (discarded > 0) lines.push(`  Dropped and counted so far: ${discarded}.`);
  if (audited > 0) {
    lines.push(
      `  Dropped on record so far: ${audited}, and no later mode brings them back: \`spec-kitty sync audit list\`.`,
    );
  }
  return lines;
}
