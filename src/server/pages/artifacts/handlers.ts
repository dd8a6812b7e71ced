import type { Handler } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { artifactPage } from './artifact.ts';
import { artifactDiff } from './compare.ts';
import { artifactsPage } from './list.ts';
import { artifactRaw } from './raw.ts';

type ArtifactRoute = 'artifactsPage' | 'artifactPage' | 'artifactDiff' | 'artifactRaw';

/** The pages people look at a mission's texts on. */
export function artifactHandlers(identity: Identity): Readonly<Record<ArtifactRoute, Handler>> {
  return {
    artifactsPage: (c) => artifactsPage(identity, c),
    artifactPage: (c) => artifactPage(identity, c),
    artifactDiff: (c) => artifactDiff(identity, c),
    artifactRaw: (c) => artifactRaw(identity, c),
  };
}
