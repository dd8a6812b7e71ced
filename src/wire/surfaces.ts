import { withoutTrailingSlashes } from '../base/index.ts';

// Which artifacts are uploaded: ten surfaces, five formats (wire contract 6.4). By path alone.

/** The formats that travel as text, by extension. */
export const SUPPORTED_INLINE_FORMATS = ['.md', '.json', '.yaml', '.yml', '.csv'] as const;

export type SupportedInlineFormat = (typeof SUPPORTED_INLINE_FORMATS)[number];

const FILES: ReadonlySet<string> = new Set([
  'spec.md',
  'plan.md',
  'tasks.md',
  'research.md',
  'quickstart.md',
  'data-model.md',
]);
const FOLDERS = ['research/', 'contracts/', 'checklists/'] as const;
/** Work packages lie directly in `tasks/`; what lies deeper is somebody's notes. */
const WORK_PACKAGE = /^tasks\/WP\d+[^/]*\.md$/;

/** Whether a path below the mission is one of the ten surfaces. */
export function isSurface(path: string): boolean {
  if (FILES.has(path) || WORK_PACKAGE.test(path)) return true;
  return FOLDERS.some((folder) => path.startsWith(folder));
}

/** The format of a path, whatever the case of its extension, or the reason why it has none. */
export function inlineFormat(
  path: string,
):
  | { readonly ok: true; readonly format: SupportedInlineFormat }
  | { readonly ok: false; readonly reason: string } {
  const extension = extensionOf(path);
  const format = SUPPORTED_INLINE_FORMATS.find((each) => each === extension.toLowerCase());
  if (format !== undefined) return { ok: true, format };
  return { ok: false, reason: `unsupported_format: ${extension || '(no extension)'}` };
}

/** From the last dot of the file's name on; empty for a name that begins with its only dot. */
function extensionOf(path: string): string {
  const file = withoutTrailingSlashes(path);
  const name = file.slice(file.lastIndexOf('/') + 1);
  const at = name.lastIndexOf('.');
  return at <= 0 || at === name.length - 1 ? '' : name.slice(at);
}
