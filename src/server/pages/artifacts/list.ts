import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import type { NamespaceEntry } from '../../store/artifacts.ts';
import {
  type ArtifactRow,
  artifactRows,
  MOST_NAMESPACES,
  namespacesOfMission,
} from '../../views/artifacts.ts';
import { amount, framed, type Look, lookOf, tableOf, text, timeOf } from '../frame.ts';
import { html, type Html } from '../html.ts';
import { artifactPath, artifactsPath } from './addresses.ts';
import { type MissionPlace, missionPlace, nameOfNamespace } from './place.ts';

/** Artifacts of one namespace that a page shows. */
const MOST_ARTIFACTS = 200;

/** The artifacts of a mission, under the branch and manifest that speak of them. */
export async function artifactsPage(identity: Identity, c: Here): Promise<Response> {
  const look = await lookOf(identity, c);
  const place = await missionPlace(look, c);
  const wanted = c.req.query('in') ?? '';
  const namespaces = await namespacesOfMission(look.driver, place.scope, place.slug, wanted);
  const parts: Html[] = [];
  for (const namespace of namespaces) {
    const after = wanted === '' ? '' : (c.req.query('after') ?? '');
    parts.push(await partOf(look, place, { namespace, after, isAlone: namespaces.length === 1 }));
  }
  const more =
    namespaces.length < MOST_NAMESPACES
      ? []
      : html`<p>Shown: the first ${String(MOST_NAMESPACES)} branches and manifests.</p>`;
  return framed(c, look, {
    title: `Artifacts of ${place.title}`,
    crumbs: place.crumbs,
    body: namespaces.length === 0 ? NONE : html`${parts}${more}`,
  });
}

const NONE = html`<p>No artifact of this mission has been announced. In its project, send what is there:</p>
<pre><code>spec-kitty sync now
</code></pre>`;

interface Part {
  readonly namespace: NamespaceEntry;
  readonly after: string;
  readonly isAlone: boolean;
}

async function partOf(
  { driver }: Look,
  { scope, project, slug }: MissionPlace,
  { namespace, after, isAlone }: Part,
): Promise<Html> {
  const range = { after, limit: MOST_ARTIFACTS + 1 };
  const found = await artifactRows(driver, [...scope, namespace.id], range);
  const shown = found.slice(0, MOST_ARTIFACTS);
  const name = { projectId: project.id, slug, namespaceId: namespace.id };
  const last = shown.at(-1)?.path ?? '';
  const next =
    found.length === shown.length
      ? []
      : html`<p><a href="${artifactsPath(name, { namespaceId: namespace.id, after: last })}">The next artifacts</a></p>`;
  const which = nameOfNamespace(namespace);
  const caption = `${amount(shown.length, 'artifact')}${after === '' ? '' : ` behind ${after}`}`;
  return html`${isAlone ? html`<p class="quiet">${which}</p>` : html`<h2>${which}</h2>`}
${tableOf(
  isAlone ? caption : `${caption}, ${which}`,
  [
    { name: 'Artifact', kind: 'name' },
    { name: 'Kind' },
    { name: 'Size', kind: 'number' },
    { name: 'Versions', kind: 'number' },
    { name: 'Changed' },
    { name: 'Text arrived' },
  ],
  shown.map((artifact) => [
    html`<a href="${artifactPath({ ...name, path: artifact.path })}">${artifact.path}</a>`,
    text(artifact.artifactClass),
    artifact.sizeBytes === null ? text(null) : text(sizeOf(artifact.sizeBytes)),
    text(artifact.versions),
    timeOf(artifact.occurredAt),
    arrivalOf(artifact),
  ]),
)}${next}`;
}

function arrivalOf({ sha256, storedAt }: ArtifactRow): Html {
  if (sha256 === null) return html`<span class="quiet">deleted</span>`;
  return storedAt === null ? html`<span class="quiet">not yet</span>` : timeOf(storedAt);
}

/** `12.3 KiB`, `812 bytes`. */
export function sizeOf(bytes: number): string {
  return bytes < 10_240 ? amount(bytes, 'byte') : `${(bytes / 1024).toFixed(1)} KiB`;
}
