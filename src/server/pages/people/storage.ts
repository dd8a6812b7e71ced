import type { AuditAction } from '../../identity/audit.ts';
import { type Fullness, quotaOf } from '../../operations/quotas.ts';
import { PAGES } from '../../routes.ts';
import type { Store } from '../../store/store.ts';
import type { Look } from '../frame.ts';
import { html, type Html } from '../html.ts';

const STATE: Readonly<Record<Fullness, string>> = {
  ok: 'There is room.',
  near: 'Nearly full: at the limit nothing more is taken.',
  full: 'Full: nothing more is taken. Senders keep what they have and come again.',
};

/** How much a team stores of what it may, and where it stands what was taken away. */
export async function storageOf(store: Store, { team, visitor }: Look): Promise<Html> {
  const quota = await quotaOf(store, team);
  const erased = visitor.rights.includes('manage') ? erasures() : html``;
  if (quota === null) {
    // A team's id is safe to paste into a shell; the name of a private one need not be.
    const limiting = `spec-kitty receiver quota set 10G --team ${team}`;
    return html`<p>This team has no limit; what it stores is counted only where there is one. Whoever runs the receiver sets one:
<code>${limiting}</code></p>${erased}`;
  }
  const { usedBytes, maxBytes, state } = quota;
  const share = maxBytes === 0 ? 100 : Math.floor((100 * usedBytes) / maxBytes);
  const words = `${sizeOf(usedBytes)} of ${sizeOf(maxBytes)}, ${share} %`;
  const status =
    state === 'ok' ? html`${STATE.ok}` : html`<strong class="alert">${STATE[state]}</strong>`;
  return html`<p><meter min="0" max="100" high="80" value="${String(Math.min(share, 100))}" aria-label="Storage used">${words}</meter></p>
<p>${words}. ${status}</p>${erased}`;
}

const ERASURES = [
  ['event.erased', 'single events'],
  ['events.erased', 'old events'],
  ['project.erased', 'whole projects'],
] as const satisfies readonly (readonly [AuditAction, string])[];

function erasures(): Html {
  const links = ERASURES.map(
    ([action, words]) => html`<li><a href="${PAGES.audit}?what=${action}">${words}</a></li>`,
  );
  return html`<p>What was erased for good stands in the audit:</p><ul>${links}</ul>`;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const STEP = 1_024;

/** `812 bytes`, `45.3 MiB`. */
export function sizeOf(bytes: number): string {
  const most = UNITS.length - 1;
  const power = bytes < STEP ? 0 : Math.min(most, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / STEP ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power] ?? ''}`;
}
