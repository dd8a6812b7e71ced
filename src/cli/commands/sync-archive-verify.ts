import path from 'node:path';
import { checkArchive } from '../../report/index.ts';
import { fine, type Answer } from '../answer.ts';
import type { Context } from '../io.ts';
import { bytesText } from '../retention.ts';

/** `spec-kitty sync archive verify`: reads an archive to its end and checks every payload against its hash. */
export async function run(context: Context): Promise<Answer> {
  const file = path.resolve(context.system.cwd, context.args[0] ?? '');
  const header = await checkArchive(file);
  return fine(
    {
      archive: file,
      project_uuid: header.projectId,
      store_epoch: header.storeEpoch,
      events: header.events,
      payload_bytes: header.bytes,
      digest: header.digest,
      intact: true,
    },
    [
      `✓ ${file} is whole: ${header.events} event(s), ${bytesText(header.bytes)}`,
      `  of project ${header.projectId}, digest ${header.digest}`,
    ],
  );
}
