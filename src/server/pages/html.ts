import { sha256Hex } from '../../base/index.ts';
import { PAGES } from '../routes.ts';
import { STYLE } from './style.ts';

/** Text that is HTML already. Everything else is escaped when it is put into a page. */
export interface Html {
  readonly html: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A piece of a page: every value put into it is escaped unless it is HTML, or a list of HTML. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | Html | readonly Html[])[]
): Html {
  const texts = parts.map((part, index) => {
    const value = values[index];
    return value === undefined ? part : part + toText(value);
  });
  return { html: texts.join('') };
}

function toText(value: string | Html | readonly Html[]): string {
  if (typeof value === 'string')
    return value.replaceAll(/[&<>"']/g, (each) => ESCAPES[each] ?? each);
  return 'html' in value ? value.html : value.map((each) => each.html).join('');
}

/** How a policy names a text of a page by its hash. */
function sourceOf(text: string): string {
  return `'sha256-${Buffer.from(sha256Hex(text), 'hex').toString('base64')}'`;
}

const STYLE_SOURCE = sourceOf(STYLE);

/** What a page may do: with a script of ours, run that one and listen to this receiver. */
function policyOf(script: string | null): string {
  const run = script === null ? '' : ` script-src ${sourceOf(script)}; connect-src 'self';`;
  return `default-src 'none'; style-src ${STYLE_SOURCE};${run} form-action 'self'; frame-ancestors 'none'; base-uri 'none'`;
}

/**
 * What every page says to the browser: no frames, nothing from elsewhere, nothing kept, no script but one that its
 * policy names. The referrer goes to this receiver alone; without one a browser would not say where a form came from.
 */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': policyOf(null),
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** A whole page. */
export function page(
  title: string,
  body: Html,
  { status = 200, headers = {}, above = null, script = null }: PageOptions = {},
): Response {
  const text = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<style>${{ html: STYLE }}</style></head>
<body>${
    above === null
      ? html`<header><div><a href="${PAGES.overview}">Spec Kitty receiver</a></div></header>
<main class="narrow">`
      : html`<a class="skip" href="#main">Skip to the content</a>
${above}
<main id="main" tabindex="-1">`
  }<h1>${title}</h1>
${body}
</main>${script === null ? [] : html`<script>${{ html: script }}</script>`}</body>
</html>
`;
  const policy = { 'content-security-policy': policyOf(script) };
  return new Response(text.html, { status, headers: { ...PAGE_HEADERS, ...policy, ...headers } });
}

export interface PageOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What stands above a page of the dashboard; a page without it is narrow. */
  readonly above?: Html | null;
  /** What runs when the page is there; none when absent. */
  readonly script?: string | null;
}

/** Sends the browser on to another page of this receiver. */
export function goTo(path: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(null, {
    status: 303,
    headers: { ...PAGE_HEADERS, ...headers, location: path },
  });
}
