import { pythonLower, pythonStrip } from '../base/index.ts';

/** The modes, as operators write and read them. */
export const SYNC_MODES = ['EXTERNAL_RECEIVER', 'LOCAL_RETENTION', 'OPT_OUT', 'TEAMSPACE'] as const;
export type SyncMode = (typeof SYNC_MODES)[number];

/** The two questions a mode answers: are facts kept here, and what kind of receiver gets them. */
export interface ModeAxes {
  readonly retention: 'on' | 'off';
  readonly delivery: 'teamspace' | 'external' | 'none';
}

export const MODE_AXES: Readonly<Record<SyncMode, ModeAxes>> = {
  TEAMSPACE: { retention: 'on', delivery: 'teamspace' },
  EXTERNAL_RECEIVER: { retention: 'on', delivery: 'external' },
  LOCAL_RETENTION: { retention: 'on', delivery: 'none' },
  OPT_OUT: { retention: 'off', delivery: 'none' },
};

/** What becomes under OPT_OUT of facts that may not be discarded just so. */
export const OPT_OUT_POLICIES = ['refuse', 'audit'] as const;
export type OptOutPolicy = (typeof OPT_OUT_POLICIES)[number];

/** What the machine says of retention, for capture; a mode that the project chose itself comes first. */
export interface CaptureRules {
  /** Null when the machine names no mode, or none that can be read. */
  readonly machineMode: SyncMode | null;
  readonly optOutPolicy: OptOutPolicy;
}

/** What holds when nobody said anything, or nothing that can be read: everything is kept. */
export const KEEP_EVERYTHING: CaptureRules = { machineMode: null, optOutPolicy: 'refuse' };

/** A mode as an operator may type it (`external-receiver`, `TRASH` …), or null when there is no such mode. */
export function parseSyncMode(text: string): SyncMode | null {
  const token = pythonLower(pythonStrip(text)).replaceAll('-', '_');
  const name = token === 'trash' ? 'opt_out' : token;
  return SYNC_MODES.find((mode) => mode.toLowerCase() === name) ?? null;
}

/** The mode in force: the project's own word when it has one, else the machine's, else TEAMSPACE. */
export function modeInForce(
  projectWord: string | null,
  machineMode: SyncMode | 'unknown' | null,
): { readonly mode: SyncMode | null; readonly source: 'project' | 'home' | 'default' } {
  if (projectWord !== null) return { mode: parseSyncMode(projectWord), source: 'project' };
  if (machineMode === 'unknown') return { mode: null, source: 'home' };
  if (machineMode !== null) return { mode: machineMode, source: 'home' };
  return { mode: 'TEAMSPACE', source: 'default' };
}
