import { printable, UserError } from '../../../base/index.ts';
import { nameOf, requirePerson, requireRight } from '../../auth.ts';
import { HttpError } from '../../http/errors.ts';
import type { Here } from '../../http/here.ts';
import type { Identity } from '../../identity/identity.ts';
import { endOwnLogins } from '../../login/logins.ts';
import { createToken, revokeTokenOf } from '../../operator.ts';
import { PAGES } from '../../routes.ts';
import { shownTokens, TOKEN_SCOPES, type TokenEntry } from '../../store/tokens.ts';
import { projectRows, type ProjectRow } from '../../views/read.ts';
import { problemOf } from '../entrance.ts';
import {
  framed,
  type Look,
  nameOfProject,
  projectPath,
  tableOf,
  text,
  timeOf,
  visitOf,
} from '../frame.ts';
import { goTo, html, type Html } from '../html.ts';
import {
  beginningOf,
  guarded,
  orShow,
  sealOf,
  type Submission,
  submissionOf,
  unknownAct,
} from './acting.ts';
import { loginsOf } from './logins.ts';
import { LIVES, newTokenForm, projectsIn } from './new-token.ts';

const MOST_TOKENS = 200;
const MAX_NAME_BYTES = 100;

/** What lets programs in, and where one is logged in oneself. */
export function tokensPage(identity: Identity, c: Here): Promise<Response> {
  return show(identity, c, null);
}

/** A token is made or revoked; a person ends logins of theirs. */
export async function changeTokens(identity: Identity, c: Here): Promise<Response> {
  const asked = await submissionOf(c);
  return orShow(
    () => change(identity, c, asked),
    (problem) => show(identity, c, problem),
  );
}

async function change(identity: Identity, c: Here, asked: Submission): Promise<Response> {
  const { visitor, act, field } = asked;
  if (act === 'end') {
    const which = field('login');
    const ended = await endOwnLogins(identity, requirePerson(visitor), which);
    if (ended === 0 && which !== 'others')
      throw new HttpError(404, 'not_found', 'no login of yours is called so');
    return goTo(PAGES.tokens);
  }
  requireRight(visitor, 'manage');
  const by = nameOf(visitor);
  if (act === 'revoke') {
    const token = { team: visitor.team, id: field('token') };
    await revokeTokenOf(identity.store, token, { clock: identity.clock, by });
    return goTo(PAGES.tokens);
  }
  if (act === 'create') return create(identity, c, asked);
  throw unknownAct();
}

async function create(
  identity: Identity,
  c: Here,
  { visitor, field, names }: Submission,
): Promise<Response> {
  const { store, clock, ids, random } = identity;
  const scope = TOKEN_SCOPES.find((each) => each === field('scope'));
  const life = LIVES.find(({ value }) => value === field('lives'));
  if (scope === undefined || life === undefined) throw unknownAct();
  const name = printable(field('name').trim(), MAX_NAME_BYTES);
  if (name === '') {
    throw new UserError('usage', 'a token needs a name', {
      remedy: 'spec-kitty receiver token create --help',
    });
  }
  const projects = projectsIn(field('projects'), names);
  const { secret } = await createToken(store, {
    name,
    scope,
    projects,
    clock,
    ids,
    random,
    team: visitor.team,
    by: nameOf(visitor),
    ...(life.ms === null ? {} : { livesMs: life.ms }),
  });
  return framed(c, await visitOf(identity, c, 'manage'), {
    title: 'A new token',
    body: html`<p>The token <strong>${name}</strong> is shown this once: nobody can see it again, only revoke it.</p>
<p class="secret"><code>${secret}</code></p>
<p>On the machine that is to use it:</p>
<pre><code>spec-kitty auth login --token-stdin --server ${c.var.base}
</code></pre>
<p><a href="${PAGES.tokens}">Back to the tokens</a></p>`,
  });
}

async function show(identity: Identity, c: Here, problem: string | null): Promise<Response> {
  const look = await visitOf(identity, c, 'read');
  return framed(c, look, {
    title: 'Tokens and logins',
    status: problem === null ? 200 : 400,
    body: html`${problemOf(problem)}${beginningOf(c, look)}
<h2>Tokens of the team</h2>
${await tokens(identity, c, look)}
${await loginsOf(identity.store, c, look)}`,
  });
}

async function tokens(identity: Identity, c: Here, look: Look): Promise<Html> {
  const { rights, actor } = look.visitor;
  if (!rights.includes('manage'))
    return html`<p class="quiet">They are for the owners and admins of the team.</p>`;
  const projects = await projectRows(look.driver, look.team);
  const found = await shownTokens(identity.store.driver, look.team, MOST_TOKENS + 1);
  const isActing = actor.kind === 'person';
  const table =
    found.length === 0
      ? html`<p class="quiet">No token was made yet. A token lets a program send or read without anybody's password.</p>`
      : tokenTable(c, look, { found, projects, isActing });
  return html`${table}${isActing ? newTokenForm(c, look, projects) : []}`;
}

interface Shown {
  readonly found: readonly TokenEntry[];
  readonly projects: readonly ProjectRow[];
  readonly isActing: boolean;
}

function tokenTable(c: Here, look: Look, { found, projects, isActing }: Shown): Html {
  const names = new Map(projects.map((project) => [project.id, nameOfProject(project)]));
  const isCut = found.length > MOST_TOKENS;
  const rows = found
    .slice(0, MOST_TOKENS)
    .map((token) => [
      html`${token.name}<br><span class="quiet">${token.id}</span>`,
      html`<code>${token.prefix}</code>`,
      text(token.scope),
      projectsOf(token, names),
      timeOf(token.createdAt),
      timeOf(token.lastUsedAt),
      timeOf(token.expiresAt),
      stateOf(c, look, { token, isActing }),
    ]);
  return tableOf(
    isCut ? `${MOST_TOKENS} tokens, those in force first` : 'Those in force first, newest first',
    [
      { name: 'Name and id', kind: 'name' },
      { name: 'Begins with' },
      { name: 'May' },
      { name: 'Projects', kind: 'name' },
      { name: 'Made' },
      { name: 'Last used' },
      { name: 'Expires' },
      { name: 'State' },
    ],
    rows,
  );
}

function projectsOf({ projects }: TokenEntry, names: ReadonlyMap<string, string>): Html {
  if (projects === 'all') return html`every project`;
  const links = projects.map((id) => {
    const name = names.get(id);
    return name === undefined
      ? html`<li><code>${id}</code></li>`
      : html`<li><a href="${projectPath(id)}">${name}</a></li>`;
  });
  return html`<ul>${links}</ul>`;
}

interface State {
  readonly token: TokenEntry;
  readonly isActing: boolean;
}

function stateOf(c: Here, look: Look, { token, isActing }: State): Html {
  const { id, name, expiresAt, revokedAt } = token;
  if (revokedAt !== null) return html`<span class="quiet">revoked ${timeOf(revokedAt)}</span>`;
  if (expiresAt !== null && expiresAt <= look.now) return html`<span class="quiet">expired</span>`;
  if (!isActing) return html`in force`;
  const form = html`<form method="post" action="${PAGES.tokens}">${sealOf(c, look)}<input type="hidden" name="token" value="${id}">
<button name="act" value="revoke">Revoke ${name}</button></form>`;
  return html`in force ${guarded('Revoke', form)}`;
}
