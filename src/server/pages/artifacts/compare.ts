import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ArtifactVersion } from '../../store/artifacts.ts';
import { versionRows } from '../../views/artifacts.ts';
import { framed, lookOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { type ArtifactName, artifactPath, diffFormPath } from './addresses.ts';
import { artifactPlace, nothing, textOf } from './place.ts';

/** Two texts of an artifact, and what changed from one to the other. */
export async function artifactDiff(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const place = await artifactPlace(look, c);
  const { name, key } = place;
  const [from, to] = [c.req.query('from'), c.req.query('to')];
  if (from === undefined || to === undefined) throw nothing();
  const [before, after] = [await textOf(look, place, from), await textOf(look, place, to)];
  const versions = await versionRows(look.driver, key, name.path);
  const { showDifferences } = await import('./texts/differences.ts');
  const { body, notes } =
    before === null || after === null
      ? { body: html`<p>One of the two texts has not arrived.</p>`, notes: [] }
      : showDifferences(toText(before), toText(after));
  return framed(c, look, {
    title: `What changed in ${name.path}`,
    crumbs: [...place.crumbs, { name: name.path, path: artifactPath(name) }],
    body: html`<p class="quiet">From <a href="${artifactPath(name, from)}">${from.slice(0, 12)}</a> to
<a href="${artifactPath(name, to)}">${to.slice(0, 12)}</a></p>
${compareForm(name, versions, { from, to })}
${notes.length === 0 ? [] : html`<p role="note">${notes.join(' ')}</p>`}
${body}`,
  });
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** Chooses two texts to compare; nothing where there are not two. */
export function compareForm(
  name: ArtifactName,
  versions: readonly ArtifactVersion[],
  chosen: { readonly from: string | undefined; readonly to: string | undefined },
): Html {
  const stored = versions.filter(({ storedAt }) => storedAt !== null);
  if (stored.length < 2) return html``;
  const choice = (label: string, field: 'from' | 'to'): Html => html`<label>${label}
<select name="${field}">${stored.map((version) => optionOf(version, chosen[field]))}</select></label>`;
  return html`<form class="compare" method="get" action="${diffFormPath(name)}">
<input type="hidden" name="in" value="${name.namespaceId}"><input type="hidden" name="path" value="${name.path}">
${choice('Before', 'from')}${choice('After', 'to')}<button>Compare</button></form>`;
}

function optionOf({ sha256, indexedAt }: ArtifactVersion, chosen: string | undefined): Html {
  const iso = new Date(indexedAt).toISOString();
  const label = `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC, ${sha256.slice(0, 12)}`;
  return sha256 === chosen
    ? html`<option value="${sha256}" selected>${label}</option>`
    : html`<option value="${sha256}">${label}</option>`;
}
