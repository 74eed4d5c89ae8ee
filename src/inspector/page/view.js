// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// Formatting and elements. Text from clients is always set as text, never as markup.

const svgNames = 'http://www.w3.org/2000/svg';
const thousands = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const byId = (id) => document.getElementById(id);

export const number = (value) => thousands.format(value);

/** Formats a rate, with one decimal below 10. */
export const rate = (value) =>
  value === 0 ? '0' : value < 0.05 ? '<0.1' : value < 10 ? value.toFixed(1) : number(value);

export const bytes = (value) => {
  if (value < 1_024) return `${number(value)} B`;
  if (value < 1_048_576) return `${(value / 1_024).toFixed(1)} KiB`;
  return `${(value / 1_048_576).toFixed(1)} MiB`;
};

export const duration = (ms) => {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
};

export const clock = (at) =>
  `${new Date(at).toLocaleTimeString('en-GB', { hour12: false })}.${String(at % 1_000).padStart(3, '0')}`;

/** Splits a name such as `framesIn` into words. */
export const words = (name) => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Makes an element with text or elements in it. */
export const make = (tag, attributes = {}, ...content) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...content);
  return element;
};

/** Sets a text only if it differs, which saves a layout. */
export const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Fills a list of terms and values. */
export const facts = (list, pairs) => {
  const rows = pairs.map(([term, value]) => {
    const dd = make('dd');
    dd.append(value);
    return make('div', {}, make('dt', {}, term), dd);
  });
  list.replaceChildren(...rows);
};

/** A step of a chart. A step without a transition has no `way`. */
export const stepRow = ({ time, event, times = 1, way, why }) =>
  make(
    'li',
    { class: way === '' ? 'step' : 'step move' },
    make('time', {}, time),
    make('span', { class: 'event' }, event, times > 1 ? make('span', { class: 'times' }, ` × ${number(times)}`) : ''),
    way === '' ? '' : make('span', { class: 'way' }, way),
    why === '' ? '' : make('span', { class: 'why' }, why),
  );

/** A step from the recorder. */
export const recordedRow = ({ at, event, from, to, why }) =>
  stepRow({ time: duration(at), event, way: `${from} → ${to}`, why });

/** The last part of a state's id. */
export const keyOf = (state) => state.slice(state.lastIndexOf('.') + 1);

/** A state's id without the name of its chart. */
export const pathOf = (state) => (state.includes('.') ? state.slice(state.indexOf('.') + 1) : state);

const describe = (picture, { id, description, states }) => {
  const group = [...picture.querySelectorAll('[data-state]')].find(({ dataset }) => dataset.state === id);
  if (group && description !== undefined) {
    const title = document.createElementNS(svgNames, 'title');
    title.textContent = description;
    group.prepend(title);
  }
  for (const state of states) describe(picture, state);
};

/** A chart as a drawing, or as a list without `@viz-js/viz`. Descriptions of its states are tooltips. */
export const drawing = (svg, root) => {
  if (svg !== null) {
    const read = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
    const picture = document.importNode(read, true);
    describe(picture, root);
    return picture;
  }
  const list = (state) =>
    make(
      'li',
      { 'data-state': state.id },
      make('span', { class: 'state-name' }, state.key),
      make('span', { class: 'quiet' }, state.description ?? ''),
      make('ul', {}, ...state.states.map(list)),
    );
  return make('ul', { class: 'chart-list' }, list(root));
};

/** Lights the states that are active. */
export const light = (picture, states) => {
  for (const group of picture.querySelectorAll('[data-state]')) {
    group.classList.toggle('active', states.includes(group.dataset.state));
  }
};

/** Writes the number of connections in each state at the corner of its box. */
export const count = (picture, counts) => {
  for (const group of picture.querySelectorAll('[data-state]')) {
    const { state } = group.dataset;
    const here = counts.get(state) ?? 0;
    group.classList.toggle('active', here > 0);
    const box = group.querySelector(':scope > .box');
    if (!box) continue;
    const badge = badgeFor(picture, state);
    say(badge.lastChild, here === 0 ? '' : number(here));
    badge.classList.toggle('empty', here === 0);
    // The badge of the outermost state moves inside; others stay clear of the names.
    fitBadge(badge, box, group.parentElement.closest('[data-state]') === null && group.matches('.compound, .parallel'));
  }
};

/** Returns the badge of a state, which lies above the rest of the drawing. */
const badgeFor = (picture, state) => {
  const known = [...picture.querySelectorAll('.badge')].find((badge) => badge.dataset.of === state);
  if (known) return known;
  const badge = document.createElementNS(svgNames, 'g');
  badge.setAttribute('class', 'badge');
  badge.dataset.of = state;
  badge.append(document.createElementNS(svgNames, 'rect'), document.createElementNS(svgNames, 'text'));
  picture.querySelector('g').append(badge);
  return badge;
};

/** Scales a badge so that it stays readable in a small drawing. */
const fitBadge = (badge, box, isOutermost) => {
  const [rect, text] = badge.children;
  const zoom = Math.max(1, Math.min(2.4, 1 / (box.getScreenCTM()?.a || 1)));
  const fits = `${text.textContent.length} ${zoom.toFixed(2)}`;
  if (badge.dataset.fits === fits) return;
  badge.dataset.fits = fits;
  const frame = box.getBBox();
  const width = (12 + text.textContent.length * 8) * zoom;
  const x = frame.x + frame.width - (isOutermost ? width - 6 : 9 * zoom);
  const place = { x, y: frame.y - 9.5 * zoom, width, height: 19 * zoom, rx: 9.5 * zoom };
  for (const [name, value] of Object.entries(place)) rect.setAttribute(name, String(value));
  text.setAttribute('x', String(x + width / 2));
  text.setAttribute('y', String(place.y + 13.8 * zoom));
  text.setAttribute('font-size', String(12.5 * zoom));
};
