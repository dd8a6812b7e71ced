import { EXIT } from '../../base/index.ts';
import { runPreflight } from '../../report/index.ts';
import type { ProjectId } from '../../wire/index.ts';
import type { Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { preflightToJson, refusalLines } from './words.ts';

/** What a command that delivers asks before it does; null when nothing stands in its way. */
export async function refuseAtBoundary(
  { home }: Context,
  question: {
    /** As it is typed, without the program's name. */
    readonly command: string;
    readonly projectId: ProjectId;
    readonly requireAuth?: boolean;
  },
): Promise<Answer | null> {
  const { command, projectId, requireAuth = false } = question;
  const result = await runPreflight(home, { projectId, requireAuth });
  if (result.ok) return null;
  const [first] = result.findings;
  const error = {
    code: 'boundary_refused',
    message: `the sync boundary refused \`spec-kitty ${command}\`: ${first?.detail ?? ''}`,
    remedy: first?.remedy ?? null,
    details: {},
  };
  return {
    exit: EXIT.refused,
    json: { error, exit_code: EXIT.refused, preflight: preflightToJson(result) },
    lines: refusalLines(command, result),
  };
}
