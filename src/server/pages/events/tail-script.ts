/**
 * The one script of all pages: it puts what arrives on top of the list. Every text becomes a text node, and a link leads
 * to this receiver or nowhere. Pausing closes the stream; going on begins behind the last event that is in the list.
 */
export const TAIL_SCRIPT = `'use strict';
(() => {
  const live = document.getElementById('live');
  const state = document.getElementById('state');
  const button = document.getElementById('pause');
  const rows = live.querySelector('tbody');
  const kinds = [...live.querySelectorAll('th')].map((head) => head.className);
  const address = new URL(live.dataset.stream, location.href);
  const MOST_ROWS = 500;
  let source = null;
  let count = 0;
  let said = '';

  const cell = ({ text, href, at }, index) => {
    const td = document.createElement('td');
    td.className = kinds[index];
    let inner = document.createTextNode(text);
    if (at !== undefined) inner = wrap('time', 'dateTime', at, inner);
    if (href !== undefined && href.startsWith('/')) inner = wrap('a', 'href', href, inner);
    td.append(inner);
    return td;
  };
  const wrap = (name, key, value, inner) => {
    const element = document.createElement(name);
    element[key] = value;
    element.append(inner);
    return element;
  };
  const say = (text) => {
    if (said !== text) state.textContent = text;
    said = text;
  };
  const arrived = () => count + (count === 1 ? ' event has' : ' events have') + ' arrived since this page was opened.';

  const open = () => {
    source = new EventSource(address);
    source.onopen = () => say('Live. ' + arrived());
    source.onmessage = ({ data, lastEventId }) => {
      const row = document.createElement('tr');
      row.append(...JSON.parse(data).map(cell));
      rows.prepend(row);
      while (rows.rows.length > MOST_ROWS) rows.deleteRow(-1);
      address.searchParams.set('after', lastEventId);
      count += 1;
    };
    source.onerror = () =>
      say(source.readyState === 2 ? 'The stream has ended. Look again to go on.' : 'Connecting again.');
  };
  button.onclick = () => {
    const isPaused = source.readyState === 2;
    button.textContent = isPaused ? 'Pause' : 'Go on';
    if (isPaused) return open();
    source.close();
    say('Paused. ' + arrived());
  };
  setInterval(() => source.readyState === 1 && say('Live. ' + arrived()), 2000);
  button.hidden = false;
  open();
})();
`;
