import { inlineFormat, isSurface, MAX_BODY_BYTES } from '../../../wire/index.ts';
import type { Sql } from '../../store/driver.ts';
import {
  type AbsentText,
  absentTexts,
  type DossierKey,
  type DossierRow,
  dossiersOf,
  presentCount,
  reportsOf,
  requiredOf,
} from '../../views/dossier/read.ts';
import type { Completeness, Figures } from '../../views/dossier/said.ts';
import {
  type Drift,
  type RequiredArtifact,
  type SaidReport,
  standingOf,
} from '../../views/dossier/standing.ts';
import type { ProjectScope } from '../../views/tables.ts';
import { type ArtifactName, artifactPath } from '../artifacts/addresses.ts';
import { meter } from '../charts.ts';
import { amount, tableOf, text, timeOf } from '../frame.ts';
import { html, type Html } from '../html.ts';

/** Rows that a table of this section shows. */
const SHOWN = 100;
/** Kinds of a difference that are named: the wire knows six. */
const SHOWN_KINDS = 8;

/** What is known of a mission's artifacts, in the namespace that was spoken of last. */
export async function dossierSection(sql: Sql, scope: ProjectScope, slug: string): Promise<Html> {
  const [dossier, ...others] = (await dossiersOf(sql, scope, slug)).get(slug) ?? [];
  if (dossier === undefined) {
    return html`<p class="quiet">No event has spoken of the artifacts of this mission yet. They come with <code>spec-kitty sync now</code> in its project.</p>`;
  }
  const key: DossierKey = [...scope, slug, dossier.namespaceId];
  const standing = standingOf(await requiredOf(sql, key), await reportsOf(sql, key));
  const count = await presentCount(sql, key);
  const absent = (await absentTexts(sql, key)).filter(isAwaited);
  return html`<p class="quiet">${placeOf(dossier)}, ${amount(count, 'artifact')}, last spoken of ${timeOf(dossier.occurredAt)}</p>
${completenessOf(standing)}
${missingTable(standing.missing)}
${driftOf(standing.drift)}
${snapshotOf(standing.snapshot)}
${textsOf({ projectId: scope[1], slug, namespaceId: dossier.namespaceId }, absent)}
${othersTable(others)}`;
}

type Judgement = Figures & { readonly completeness: Completeness };

function completenessOf({ completeness, required, present }: Judgement): Html {
  if (completeness === 'unknown') {
    return html`<p>Which artifacts are required is unknown: no manifest has said it.</p>`;
  }
  if (required === null || present === null) {
    return html`<p>The dossier is said to be ${completeness}; no event has said how many artifacts are required.</p>`;
  }
  if (required === 0) return html`<p>No artifact is required yet.</p>`;
  const words = `${present.toLocaleString('en')} of ${amount(required, 'required artifact')} ${present === 1 ? 'is' : 'are'} there`;
  return html`<figure>${meter(present / required, words)}<figcaption>${words}.</figcaption></figure>`;
}

function missingTable(missing: readonly RequiredArtifact[]): Html {
  if (missing.length === 0) return html``;
  return tableOf(
    `${amount(missing.length, 'required artifact')} missing${beginning(missing.length)}`,
    [
      { name: 'Artifact', kind: 'name' },
      { name: 'Class' },
      { name: 'Why' },
      { name: 'Since the event of' },
    ],
    missing
      .slice(0, SHOWN)
      .map(({ path, artifactClass, reason, occurredAt }) => [
        html`<code>${path}</code>`,
        text(artifactClass),
        html`<code>${reason}</code>`,
        timeOf(occurredAt),
      ]),
  );
}

function driftOf(drift: Drift): Html {
  const { state, since, goneAt, kinds, baselineHash, parityHash, isOutdated } = drift;
  if (state === 'none') {
    return html`<p class="quiet">Nobody has reported a difference from a baseline.</p>`;
  }
  const named = kinds
    .slice(0, SHOWN_KINDS)
    .map((kind, index) => html`${index === 0 ? '' : ', '}<code>${kind}</code>`);
  if (kinds.length > SHOWN_KINDS)
    named.push(html` and ${amount(kinds.length - SHOWN_KINDS, 'other')}`);
  if (state === 'gone') {
    return html`<p>It differed from its baseline (${named}) from ${timeOf(since)} to ${timeOf(goneAt)}, and no longer does.</p>`;
  }
  const doubt = isOutdated
    ? html` It has changed since then; nobody has said whether it still differs.`
    : html``;
  return html`<p><strong class="alert">Drifting</strong> from its baseline since ${timeOf(since)}: ${named}. The baseline is ${hashOf(baselineHash)}, the dossier was ${hashOf(parityHash)}.${doubt}</p>`;
}

function snapshotOf(snapshot: SaidReport | null): Html {
  if (snapshot === null) return html`<p class="quiet">No snapshot has been computed.</p>`;
  const { parityHash, artifacts, occurredAt } = snapshot;
  const size = artifacts === null ? html`` : html` of ${amount(artifacts, 'artifact')}`;
  return html`<p>The last snapshot${size}, taken ${timeOf(occurredAt)}, is ${hashOf(parityHash)}.</p>`;
}

function hashOf(hash: string): Html {
  return hash === '' ? html`not stated` : html`<code>${hash}</code>`;
}

/** Whether a text is one that clients send (wire contract 6.4). */
function isAwaited({ path, sizeBytes }: AbsentText): boolean {
  const size = sizeBytes ?? 1;
  return isSurface(path) && inlineFormat(path).ok && size > 0 && size <= MAX_BODY_BYTES;
}

function textsOf(place: Omit<ArtifactName, 'path'>, absent: readonly AbsentText[]): Html {
  if (absent.length === 0) {
    return html`<p class="quiet">The text of every indexed artifact whose text is sent has arrived.</p>`;
  }
  return tableOf(
    `${amount(absent.length, 'text')} not here as the index has ${absent.length === 1 ? 'it' : 'them'}${beginning(absent.length)}`,
    [
      { name: 'Artifact', kind: 'name' },
      { name: 'Bytes', kind: 'number' },
      { name: 'What is here' },
    ],
    absent
      .slice(0, SHOWN)
      .map(({ path, sizeBytes, hasOlder }) => [
        html`<a href="${artifactPath({ ...place, path })}"><code>${path}</code></a>`,
        text(sizeBytes?.toLocaleString('en') ?? ''),
        text(hasOlder ? 'another version' : 'nothing'),
      ]),
  );
}

function beginning(count: number): string {
  return count > SHOWN ? `, the first ${SHOWN}` : '';
}

function othersTable(others: readonly DossierRow[]): Html {
  if (others.length === 0) return html``;
  return tableOf(
    `${amount(others.length, 'other namespace')} of this mission${beginning(others.length)}`,
    [{ name: 'Namespace', kind: 'name' }, { name: 'Dossier' }, { name: 'Last spoken of' }],
    others
      .slice(0, SHOWN)
      .map((other) => [text(placeOf(other)), dossierWords(other), timeOf(other.occurredAt)]),
  );
}

function placeOf({ targetBranch, missionType, manifestVersion }: DossierRow): string {
  if (targetBranch === '') return 'no branch named';
  return `branch ${targetBranch}, ${missionType}, manifest ${manifestVersion}`;
}

/** A dossier in a word or two: `complete`, `3 of 5`, `3 of 5, drift`. */
export function dossierWords({ completeness, required, present, drift }: DossierRow): Html {
  const isCounted = completeness === 'incomplete' && required !== null && present !== null;
  const words = isCounted ? `${present} of ${required}` : completeness;
  const state =
    completeness === 'incomplete' ? html`<span class="alert">${words}</span>` : text(words);
  return drift === 'open' ? html`${state}, <span class="alert">drift</span>` : state;
}
