import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ArtifactVersion } from '../../store/artifacts.ts';
import { MOST_VERSIONS, pathsOf, versionRows } from '../../views/artifacts.ts';
import { framed, type Look, lookOf, tableOf, text, timeOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { artifactPath, type ArtifactName, diffPath, rawPath, sourcePath } from './addresses.ts';
import { compareForm } from './compare.ts';
import { sizeOf } from './list.ts';
import { type ArtifactPlace, artifactPlace, nameOfNamespace, textOf } from './place.ts';
import type { Shown } from './texts/shown.ts';

/** One artifact: its present text, or the one that the address names by its hash, and all that it had. */
export async function artifactPage(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const place = await artifactPlace(look, c);
  const { artifact, name, namespace, key } = place;
  const versions = await versionRows(look.driver, key, name.path);
  const wanted = c.req.query('version') ?? artifact.sha256 ?? versions[0]?.sha256 ?? null;
  const isSource = c.req.query('as') === 'source';
  const bytes = wanted === null ? null : await textOf(look, place, wanted);
  const body =
    wanted === null || bytes === null
      ? html`<p>This text has not arrived. What the project sends, and what it keeps, says</p>
<pre><code>spec-kitty sync bodies --dry-run --verbose
</code></pre>`
      : shownPart(await shownText(look, place, { bytes, isSource }), rawPath(name, wanted));
  const about = [artifact.artifactClass, nameOfNamespace(namespace)];
  return framed(c, look, {
    title: name.path,
    crumbs: place.crumbs,
    body: html`<p class="quiet">${about.join(' · ')}${stateOf(place, wanted)}</p>
${wanted === null || bytes === null ? [] : waysOf(name, wanted, isSource)}
${body}
<h2>Versions</h2>
${versionTable(name, versions, wanted)}
${compareForm(name, versions, { from: versions[1]?.sha256, to: versions[0]?.sha256 })}`,
  });
}

/** Which text it is that the page shows. */
function stateOf({ artifact, name }: ArtifactPlace, wanted: string | null): Html {
  if (artifact.sha256 === null) {
    return html`. Deleted ${timeOf(artifact.occurredAt)}; what is here is a text that it had.`;
  }
  if (wanted === artifact.sha256) return html`, changed ${timeOf(artifact.occurredAt)}`;
  return html`. This is not the present text: <a href="${artifactPath(name)}">look at that one</a>.`;
}

function waysOf(name: ArtifactName, version: string, isSource: boolean): Html {
  return html`<nav class="ways" aria-label="Ways to look at this text"><ul>
${wayOf(artifactPath(name, version), 'Rendered', !isSource)}
${wayOf(sourcePath(name, version), 'Source', isSource)}
<li><a href="${rawPath(name, version)}" download>Download</a></li></ul></nav>`;
}

function wayOf(path: string, label: string, isHere: boolean): Html {
  const start = isHere ? html`<a href="${path}" aria-current="page">` : html`<a href="${path}">`;
  return html`<li>${start}${label}</a></li>`;
}

/** The programs that read texts are loaded when the first one is looked at. */
async function shownText(
  { driver }: Look,
  { name, key }: ArtifactPlace,
  { bytes, isSource }: { readonly bytes: Uint8Array; readonly isSource: boolean },
): Promise<Shown> {
  const content = Buffer.from(bytes).toString('utf8');
  if (isSource) return (await import('./texts/lines.ts')).showLines(content);
  const { showText } = await import('./texts/show.ts');
  const known = await pathsOf(driver, key);
  return showText(content, {
    path: name.path,
    addressOf: (path) => (known.has(path) ? artifactPath({ ...name, path }) : null),
  });
}

function shownPart({ body, notes }: Shown, raw: string): Html {
  const note = html`<p role="note">${notes.join(' ')} <a href="${raw}" download>The whole text</a></p>
`;
  return html`${notes.length === 0 ? [] : note}<article>${body}</article>`;
}

function versionTable(
  name: ArtifactName,
  versions: readonly ArtifactVersion[],
  wanted: string | null,
): Html {
  const caption =
    versions.length < MOST_VERSIONS
      ? 'Texts that it had, the last one first'
      : `The last ${MOST_VERSIONS} texts that it had`;
  const isChanged = versions.length > 1;
  return tableOf(
    caption,
    [
      { name: 'Since' },
      { name: 'SHA-256' },
      { name: 'Size', kind: 'number' },
      { name: 'Text arrived' },
      ...(isChanged ? [{ name: 'Changes' }] : []),
    ],
    versions.map(({ sha256, sizeBytes, indexedAt, storedAt }, index) => [
      html`<a href="${artifactPath(name, sha256)}">${timeOf(indexedAt)}</a>${sha256 === wanted ? html` (shown)` : []}`,
      html`<code>${sha256.slice(0, 12)}</code>`,
      text(sizeBytes === null ? null : sizeOf(sizeBytes)),
      storedAt === null ? html`<span class="quiet">not yet</span>` : timeOf(storedAt),
      ...(isChanged ? [changesOf(name, versions[index], versions[index + 1])] : []),
    ]),
  );
}

/** The way to what a text changed of the one before it. */
function changesOf(
  name: ArtifactName,
  version: ArtifactVersion | undefined,
  before: ArtifactVersion | undefined,
): Html {
  if (version === undefined || before === undefined) return html``;
  if (version.storedAt === null || before.storedAt === null) return html``;
  return html`<a href="${diffPath(name, { from: before.sha256, to: version.sha256 })}">since the one before</a>`;
}
