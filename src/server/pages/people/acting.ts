import { UserError } from '../../../base/index.ts';
import { requireVisitor, type Visitor } from '../../auth.ts';
import { HttpError } from '../../http/errors.ts';
import { readForm } from '../../http/form.ts';
import type { Here } from '../../http/here.ts';
import { cookieOf, formKey, requireFormKey, requireOwnOrigin } from '../browser.ts';
import type { Look } from '../frame.ts';
import { html, type Html } from '../html.ts';

/** What every form carries: that this login was given it, and which team it was about. */
export function sealOf(c: Here, { team }: Look): Html {
  return html`<input type="hidden" name="form_key" value="${formKey(cookieOf(c) ?? '')}"><input type="hidden" name="about" value="${team}">`;
}

/** A form that this login was given, and sent from here. */
export interface Submission {
  readonly visitor: Visitor;
  /** What its button says is to be done. */
  readonly act: string;
  /** A field, empty when it is not there. */
  readonly field: (name: string) => string;
  /** The names of all its fields. */
  readonly names: readonly string[];
}

/**
 * Reads a form that does something.
 * @throws HttpError 403 `foreign_form` for one of elsewhere; 409 for one about a team that this browser has left since.
 */
export async function submissionOf(c: Here): Promise<Submission> {
  requireOwnOrigin(c);
  const form = await readForm(c);
  requireFormKey(form, cookieOf(c) ?? '');
  const visitor = requireVisitor(c.var.visitor);
  const field = (name: string): string => form.get(name) ?? '';
  if (field('about') !== visitor.team) {
    throw new HttpError(409, 'other_team', 'that page was about another team: look again');
  }
  return { visitor, act: field('act'), field, names: [...form.keys()] };
}

/** What a form may ask for. @throws HttpError 400 for everything else. */
export function unknownAct(): HttpError {
  return new HttpError(400, 'bad_request', 'the form says nothing that can be done here');
}

/** Does what a form asks for; what people can put right is shown to them on its page. */
export async function orShow(
  work: () => Promise<Response>,
  show: (problem: string) => Promise<Response>,
): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) return show(error.message);
    throw error;
  }
}

/** A button that has to be opened before it can be pressed. */
export function guarded(summary: string, form: Html): Html {
  return html`<details><summary>${summary}</summary>${form}</details>`;
}

/** Where nobody has an account there is nobody to name; what to do about it, for who looks from this machine. */
export function beginningOf(c: Here, { visitor }: Look): Html {
  if (visitor.actor.kind !== 'machine') return html``;
  return html`<p>Nobody has an account here yet, so whoever is on this machine sees everything and nobody else does. To begin, open
the link for the first account: the receiver prints one whenever it starts, good for an hour and once. Who opens it owns
the team <code>local</code> and what has arrived. Without a look at that output:</p>
<pre><code>spec-kitty receiver user add you@example.org --url ${c.var.base}
spec-kitty receiver team add local you@example.org --role owner
</code></pre>
<p class="quiet">Both take <code>--db</code> when the store is not <code>receiver.db</code> where you are. From then on everybody
has to log in.</p>`;
}
