import { productOf, type Complaint, type Project, type Source } from './project.ts';

const MAX_DOOR_LINES = 40;
const MAX_OPENING_LINES = 10;
const MAX_FILES = 16;
/** One file for each command is the plan there, however many commands there are. */
const MAY_BE_FULL = ['src/cli/commands'];

/** The doors of the rooms, and nothing else that is called index. */
function doorsOf(project: Project): readonly Source[] {
  return productOf(project).filter((source) => /^src\/[a-z]+\/index\.ts$/.test(source.path));
}

/** Every room but the command line, which nobody imports, has a door. */
export function roomsHaveDoors(project: Project): readonly Complaint[] {
  const doors = new Set(doorsOf(project).map((door) => door.room));
  const rooms = new Set(productOf(project).map((source) => source.room));
  const missing = [...rooms].filter((room) => room !== null && room !== 'cli' && !doors.has(room));
  const barrels = productOf(project).filter(
    ({ path }) => path.endsWith('/index.ts') && path.split('/').length > 3,
  );
  return [
    ...missing.map((room) => `src/${room} has no door: add src/${room}/index.ts`),
    ...barrels.map(({ path }) => `${path}: only a room has a door; import the files themselves`),
  ];
}

/** A door is short, says first what lives here, and names what it shows. */
export function doorsAreDoors(project: Project): readonly Complaint[] {
  return doorsOf(project).flatMap((door) => {
    const lines = door.text.trimEnd().split('\n').length;
    const opening = /^(?:\/\/[^\n]*\n)*/.exec(door.text)?.[0].split('\n').length ?? 1;
    const rest = door.code.replaceAll(/export (?:type )?\{[^}]*\} from '[^']*';/g, '').trim();
    return [
      lines > MAX_DOOR_LINES && `has ${lines} lines, ${MAX_DOOR_LINES} are allowed: show less`,
      opening === 1 && 'opens without a comment: say what lives here and what does not',
      opening - 1 > MAX_OPENING_LINES &&
        `its opening comment is longer than ${MAX_OPENING_LINES} lines`,
      rest !== '' && `holds more than named re-exports: ${rest.slice(0, 60)}`,
    ]
      .filter((complaint) => complaint !== false)
      .map((complaint) => `${door.path}: ${complaint}`);
  });
}

/** Every function that a door shows has a docstring. */
export function doorFunctionsAreDescribed(project: Project): readonly Complaint[] {
  const byPath = new Map(productOf(project).map((source) => [source.path, source]));
  return doorsOf(project).flatMap((door) =>
    shownBy(door).flatMap(({ name, from }) => {
      const source = byPath.get(from);
      const start = source === undefined ? -1 : declarationOf(source.code, name);
      if (source === undefined || start === -1) return [];
      const isDescribed = source.text.slice(0, start).trimEnd().endsWith('*/');
      return isDescribed ? [] : [`${from}: ${name} is shown by the door and has no docstring`];
    }),
  );
}

/** What a door shows: the name in its file, and the file. */
function shownBy(door: Source): readonly { readonly name: string; readonly from: string }[] {
  return [...door.code.matchAll(/export \{([^}]*)\} from '/g)].flatMap((found) => {
    const quote = found.index + found[0].length;
    const specifier = door.text.slice(quote, door.text.indexOf("'", quote));
    const from = door.imports.find((each) => each.specifier === specifier)?.target ?? '';
    const names = (found[1] ?? '').split(',').map((name) => name.trim().split(/\s+as\s+/)[0] ?? '');
    return names.filter((name) => name !== '').map((name) => ({ name, from }));
  });
}

/** Where a function of that name is declared, -1 when it is no function or not here. */
function declarationOf(code: string, name: string): number {
  const asFunction = `export (?:async )?function\\*? ${name}\\b`;
  const asArrow = `export const ${name}\\b[^\\n]*=\\s*(?:async )?(?:\\([^)]*\\)|\\w+)[^\\n]*=>`;
  return code.search(new RegExp(`${asFunction}|${asArrow}`));
}

/** A room (or a floor of it) that is full becomes two. */
export function roomsAreNotFull(project: Project): readonly Complaint[] {
  const counts = new Map<string, number>();
  for (const { path } of productOf(project)) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([folder, count]) => count > MAX_FILES && !MAY_BE_FULL.includes(folder))
    .map(
      ([folder, count]) => `${folder} has ${count} files, ${MAX_FILES} are allowed: split the room`,
    );
}
