import { productOf, type Complaint, type Import, type Project, type Source } from './project.ts';

/** The rooms from the ground up: each may import only those before it. */
export const ROOMS = [
  'base',
  'wire',
  'home',
  'receivers',
  'journal',
  'missions',
  'delivery',
  'bodies',
  'trackers',
  'legacy',
  'daemon',
  'report',
  'conformance',
  'cli',
] as const;

/** Rooms on one floor: neither imports the other. */
const SIBLINGS = [
  ['missions', 'delivery'],
  ['bodies', 'trackers'],
] as const;

/** The other house knows only what travels between the two. */
const SERVER_MAY_IMPORT = ['base', 'wire'];
const OPENS_SERVER = /^src\/cli\/commands\/(?:receiver[a-z-]*|up)\.ts$/;

const SERVER_DOOR = 'src/server/index.ts';
const COMMAND_LINE = 'src/cli/main.ts';

/** Where the product begins; everything it uses is reached from here. */
const ENTRIES = [
  'src/index.ts',
  'src/wire/index.ts',
  SERVER_DOOR,
  COMMAND_LINE,
  'src/server/main.ts',
];

/** A room imports other rooms by their door, and only rooms before it. */
export function importsFollowTheRooms(project: Project): readonly Complaint[] {
  return project.sources.flatMap((source) => {
    if (!source.path.startsWith('src/')) return [];
    return source.imports.flatMap((found) => {
      const complaint = judgeImport(source, found);
      return complaint === null ? [] : [`${source.path}:${found.line}: ${complaint}`];
    });
  });
}

function judgeImport(source: Source, found: Import): string | null {
  const room = found.target === null ? null : roomOf(found.target);
  if (room === null || room === source.room) return null;
  if (found.target !== `src/${room}/index.ts`) {
    return `imports the inside of ${room}: import its door, src/${room}/index.ts`;
  }
  // A test may meet any room, at its door; the entry of the package shows several.
  if (source.isTest || source.room === null) return null;
  return judgeDirection(source, room);
}

function judgeDirection(source: Source, room: string): string | null {
  const own = source.room ?? '';
  if (room === 'server') {
    return OPENS_SERVER.test(source.path) ? null : 'only the receiver commands open the server';
  }
  if (own === 'server') {
    return SERVER_MAY_IMPORT.includes(room)
      ? null
      : `the server imports base and wire, not ${room}`;
  }
  if (
    SIBLINGS.some((pair) => pair.some((one) => one === own) && pair.some((one) => one === room))
  ) {
    return `${own} and ${room} are siblings: what both need belongs to a room before them`;
  }
  const order: readonly string[] = ROOMS;
  return order.indexOf(room) < order.indexOf(own)
    ? null
    : `${own} comes before ${room} and may not import it: pass it in as an argument`;
}

/** No command but the receiver's own ever loads the server: nothing reaches it without a call of `import(…)`. */
export function serverIsLoadedLazily(project: Project): readonly Complaint[] {
  const byPath = new Map(productOf(project).map((source) => [source.path, source]));
  const reached = new Set<string>();
  const complaints: string[] = [];
  const walk = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { target, isLazy, line } of byPath.get(file)?.imports ?? []) {
      if (target === null || isLazy) continue;
      if (target === SERVER_DOOR)
        complaints.push(`${file}:${line}: every command loads the server`);
      else walk(target);
    }
  };
  walk(COMMAND_LINE);
  return complaints;
}

function roomOf(target: string): string | null {
  const [top, room, inside] = target.split('/');
  return top === 'src' && inside !== undefined ? (room ?? null) : null;
}

/** Every room is in the list, so that its place is decided and not accidental. */
export function roomsAreListed(project: Project): readonly Complaint[] {
  const known: readonly string[] = [...ROOMS, 'server'];
  const found = new Set(productOf(project).map((source) => source.room));
  return [...found]
    .filter((room) => room !== null && !known.includes(room))
    .map(
      (room) => `src/${room} is no room of test/tidy/imports.ts: give it its place in the order`,
    );
}

/** No file reaches itself, not even through types. Calls of `import(…)` break a circle on purpose. */
export function importsHaveNoCycles(project: Project): readonly Complaint[] {
  const graph = new Map(
    productOf(project).map((source) => [
      source.path,
      source.imports.flatMap(({ target, isLazy }) => (target === null || isLazy ? [] : [target])),
    ]),
  );
  const done = new Set<string>();
  const complaints: string[] = [];
  const walk = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start !== -1) complaints.push(`import cycle: ${[...trail.slice(start), file].join(' → ')}`);
    if (start !== -1 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return complaints;
}

/** Every source and every migration is reached from an entry of the package. */
export function filesAreAlive(project: Project): readonly Complaint[] {
  const byPath = new Map(productOf(project).map((source) => [source.path, source]));
  const reached = new Set<string>();
  const walk = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { target } of byPath.get(file)?.imports ?? []) if (target !== null) walk(target);
  };
  for (const entry of ENTRIES) walk(entry);
  const migrations = [...project.texts.keys()].filter((file) => /^src\/.*\.sql$/.test(file));
  return [...byPath.keys(), ...migrations]
    .filter((file) => !reached.has(file))
    .map((file) => `${file} is used by nothing: delete it, or import it where it is needed`);
}
