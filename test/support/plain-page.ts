import { expect } from 'vitest';
import type { Element } from './page-view.ts';

const TAGS = new Set(
  'html head meta meter title style body a article header div form input span label select option button main h1 h2 h3 p pre code b details summary datalist table caption thead tbody tr th td time section ul li strong br figure figcaption svg text rect line path nav ol'.split(
    ' ',
  ),
);
const ATTRIBUTES =
  /^(?:class|id|href|lang|charset|name|content|tabindex|role|aria-label|aria-current|aria-hidden|preserveaspectratio|scope|datetime|type|value|list|step|method|action|open|download|selected|x|y|x1|y1|x2|y2|d|width|height|viewbox|text-anchor|min|max)$/i;

/** Only elements and attributes that pages are made of, and no link but to this receiver. */
export function requirePlain(element: Element): void {
  for (const child of element.children) {
    expect([child.name, TAGS.has(child.name)]).toEqual([child.name, true]);
    for (const [name, value] of Object.entries(child.attributes)) {
      expect([name, ATTRIBUTES.test(name)]).toEqual([name, true]);
      if (name === 'href' || name === 'action') expect(value).toMatch(/^(?:\/|#main$)/);
    }
    requirePlain(child);
  }
}
