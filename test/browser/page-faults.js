// Runs inside a page; its value is a list of what is wrong with how the page is built and how it looks right now.
(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const wrong = (what, elements) => {
    for (const element of elements.slice(0, 3))
      faults.push(`${what}: ${element.outerHTML.replaceAll(/\s+/g, ' ').slice(0, 120)}`);
  };
  const isShown = (element) =>
    element.checkVisibility({ visibilityProperty: true, opacityProperty: true });

  structure();
  safety();
  legibility();
  room();
  return faults;

  function structure() {
    if (document.documentElement.lang !== 'en') faults.push('the page names no language');
    if (document.title.trim() === '') faults.push('the page has no title');
    for (const name of ['h1', 'main'])
      if (all(name).length !== 1) faults.push(`${all(name).length} ${name}`);
    const ids = all('[id]').map(({ id }) => id);
    for (const id of new Set(ids.filter((each, at) => ids.indexOf(each) !== at)))
      faults.push(`the id ${id} is there twice`);
    const headings = all('h1,h2,h3,h4,h5,h6');
    const level = (heading) => Number(heading?.tagName[1] ?? 0);
    wrong(
      'a heading skips a level',
      headings.filter((each, at) => level(each) > level(headings[at - 1]) + 1),
    );
    wrong(
      'a table without a caption',
      all('table').filter((table) => table.caption === null),
    );
    wrong('a heading of a table without a scope', all('th:not([scope])'));
    wrong(
      'a link within the page to nothing',
      all('a[href^="#"]').filter(
        ({ hash }) =>
          hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1))) === null,
      ),
    );
  }

  /** Nothing that could run, load or lead away. */
  function safety() {
    // The live tail has the one script there is, which its policy names.
    if (location.pathname !== '/events/tail') wrong('a script', all('script'));
    wrong('something embedded', all('iframe,object,embed,base,meta[http-equiv],link'));
    const addresses = ['href', 'src', 'srcset', 'action', 'formaction', 'xlink:href', 'poster'];
    for (const element of all('*')) {
      for (const { name, value } of element.attributes) {
        if (name.startsWith('on') || name === 'style') wrong(`an attribute ${name}`, [element]);
        if (addresses.includes(name) && !isHarmless(name, value))
          wrong('a link of another kind', [element]);
      }
    }
  }

  /** A link may lead anywhere on the web; what is loaded or sent stays here. */
  function isHarmless(name, address) {
    const { protocol, origin } = new URL(address, location.href);
    return name === 'href' ? /^(?:https?|mailto):$/.test(protocol) : origin === location.origin;
  }

  /** Texts beside what is behind them (WCAG 2.2, 1.4.3), and their size. */
  function legibility() {
    const owners = new Set(all('input:not([type=hidden]),select,textarea'));
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement, data } = walker.currentNode;
      if (data.trim() !== '' && parentElement.closest('style,script,title,option') === null)
        owners.add(parentElement);
    }
    for (const owner of [...owners].filter(isShown)) {
      const style = getComputedStyle(owner);
      const picture = owner.closest('svg');
      const ground = behind(picture ?? owner);
      const colour = channels(picture === null ? style.color : style.fill);
      const ratio = contrast(over(colour, ground), ground);
      const scale = picture === null ? 1 : owner.getScreenCTM().a;
      const size = Number.parseFloat(style.fontSize) * scale;
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (isLarge ? 3 : 4.5)) wrong(`contrast ${ratio.toFixed(2)}`, [owner]);
      if (size < 11) wrong(`too small to read: ${size.toFixed(1)} px`, [owner]);
    }
  }

  function channels(colour) {
    const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
    return [red, green, blue, alpha];
  }

  function over([r, g, b, alpha], [r2, g2, b2]) {
    const mix = (one, other) => one * alpha + other * (1 - alpha);
    return [mix(r, r2), mix(g, g2), mix(b, b2), 1];
  }

  function behind(element) {
    const layers = [];
    for (let each = element; each !== null; each = each.parentElement) {
      layers.push(channels(getComputedStyle(each).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255, 1]);
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function luminance(colour) {
    const [red, green, blue] = colour.map((each) => {
      const value = each / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  /** The page itself never scrolls sideways; what is pressed is large enough for a finger (2.5.8). */
  function room() {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) {
      faults.push(`the page is ${scrollWidth} wide in a window of ${clientWidth}`);
      const wide = all('body *').filter(
        (each) => each.getBoundingClientRect().right > clientWidth + 1,
      );
      wrong('too wide', wide.filter((each) => !scrolls(each.parentElement)).slice(-2));
    }
    const pressed = all('button,input:not([type=hidden]),select,summary').filter((each) => {
      const { height, width } = each.getBoundingClientRect();
      return Math.min(height, width) < 24 && isShown(each) && each.closest('label') === null;
    });
    wrong('too small to press', pressed);
    const moved = all('body *').filter(
      (each) => each.scrollWidth > each.clientWidth + 1 && isScroller(each),
    );
    wrong(
      'scrolls, but not by keyboard',
      moved.filter((each) => each.tabIndex < 0),
    );
  }

  function isScroller(element) {
    return ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
  }

  function scrolls(element) {
    return element !== null && (isScroller(element) || scrolls(element.parentElement));
  }
})();
