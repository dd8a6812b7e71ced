import { EXIT, UserError } from '../../base/index.ts';
import { looksSecret, type Credentials, type Provider } from '../../trackers/index.ts';
import { readAll } from '../input.ts';
import { flagOption, listOption, type Context } from '../io.ts';

const MAX_STDIN_BYTES = 65_536;
const MAX_VALUE_CHARS = 16_384;
const HELP = 'spec-kitty tracker bind --help';

/** What a tracker cannot be asked without. */
const SECRETS: Readonly<Record<Provider, string | null>> = {
  jira: 'api_token',
  linear: 'api_key',
  azure_devops: 'personal_access_token',
  github: 'token',
  gitlab: 'token',
  beads: null,
  fp: null,
};

/**
 * The credentials that a command line names, by value, environment variable and standard input; a person is asked for
 * the secret that is missing, unseen. Null when nobody named any.
 * @throws UserError `credential_on_command_line` for a secret among the words of the command, `usage`.
 */
export async function statedCredentials(
  context: Context,
  provider: Provider,
): Promise<Credentials | null> {
  const stated: Record<string, string> = {
    ...fromWords(listOption(context.options, 'credential')),
    ...fromEnvironment(context, listOption(context.options, 'credentialEnv')),
    ...(flagOption(context.options, 'credentialStdin') ? await fromStdin(context) : {}),
  };
  const secret = SECRETS[provider];
  if (secret !== null && stated[secret] === undefined) {
    const answer = await context.io.ask(`${secret} of ${provider} (empty to leave out): `, {
      secret: true,
    });
    const text = answer?.trim() ?? '';
    if (text !== '') stated[secret] = text;
  }
  return Object.keys(stated).length === 0 ? null : stated;
}

/** `key=value` pairs of any option. @throws UserError `usage`, which never repeats a value. */
export function parsePairs(
  texts: readonly string[],
  option: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => parsePair(text, option)));
}

function parsePair(text: string, option: string): readonly [string, string] {
  const at = text.indexOf('=');
  const [key, value] = [text.slice(0, Math.max(at, 0)).trim(), text.slice(at + 1).trim()];
  if (key !== '' && value !== '' && value.length <= MAX_VALUE_CHARS) return [key, value];
  // What stands there may be a secret, so it is not repeated.
  throw new UserError('usage', `Invalid ${option} value. Expected key=value.`, { remedy: HELP });
}

function fromWords(texts: readonly string[]): Readonly<Record<string, string>> {
  const pairs = parsePairs(texts, '--credential');
  const secret = Object.keys(pairs).find(looksSecret);
  if (secret === undefined) return pairs;
  throw new UserError(
    'credential_on_command_line',
    `${secret} is a secret, and other programs can read command lines: use --credential-env ${secret}=VARIABLE or --credential-stdin`,
    { remedy: HELP, exitCode: EXIT.refused },
  );
}

function fromEnvironment(
  { system }: Context,
  texts: readonly string[],
): Readonly<Record<string, string>> {
  const pairs = Object.entries(parsePairs(texts, '--credential-env'));
  return Object.fromEntries(
    pairs.map(([key, variable]) => {
      const value = system.env[variable]?.trim() ?? '';
      if (value !== '') return [key, value];
      throw new UserError('usage', `the variable for ${key} is not set, or has no such name`, {
        remedy: HELP,
        exitCode: EXIT.refused,
      });
    }),
  );
}

/** One `key=value` a line. */
async function fromStdin(context: Context): Promise<Readonly<Record<string, string>>> {
  const text = (await readAll(context, '-', MAX_STDIN_BYTES)).toString('utf8');
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return parsePairs(lines, '--credential-stdin');
}
