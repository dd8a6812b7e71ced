import { namespaceId, type NamespaceNames } from '../../dossier.ts';
import { isLater, type Moment } from '../moment.ts';
import type { ArtifactWord, DossierSaid } from './said.ts';
import type { SaidReport } from './standing.ts';

/** The namespace of a mission that something is said of: the last columns of every key here. */
export type Place = readonly [missionSlug: string, namespaceId: string];

export interface SeenDossier extends Moment {
  readonly place: Place;
  readonly names: NamespaceNames;
}

export interface PlacedArtifact extends ArtifactWord, Moment {
  readonly place: Place;
}

export interface PlacedReport extends SaidReport {
  readonly place: Place;
}

/** What a page of events changes in the dossiers of their project. */
export interface DossierChange {
  readonly seen: readonly SeenDossier[];
  readonly artifacts: readonly PlacedArtifact[];
  readonly reports: readonly PlacedReport[];
}

interface Facts extends Moment {
  readonly missionSlug: string;
  readonly dossier: DossierSaid | null;
}

/** Adds a page up; the order of its events says nothing. */
export function foldDossiers(facts: readonly Facts[]): DossierChange {
  const seen = new Map<string, SeenDossier>();
  const artifacts = new Map<string, PlacedArtifact>();
  const reports: PlacedReport[] = [];
  for (const { missionSlug, occurredAt, lamport, eventId, dossier } of facts) {
    if (dossier === null) continue;
    const { names, what } = dossier;
    const moment = { occurredAt, lamport, eventId };
    const place = [missionSlug, namespaceId(names)] as const;
    keepLater(seen, JSON.stringify(place), { place, names, ...moment });
    if (what?.kind === 'report') reports.push({ place, ...what, ...moment });
    if (what?.kind === 'artifact') {
      keepLater(artifacts, JSON.stringify([...place, what.path]), { place, ...what, ...moment });
    }
  }
  return { seen: [...seen.values()], artifacts: [...artifacts.values()], reports };
}

function keepLater<T extends Moment>(known: Map<string, T>, key: string, said: T): void {
  const before = known.get(key);
  if (before === undefined || isLater(said, before)) known.set(key, said);
}
