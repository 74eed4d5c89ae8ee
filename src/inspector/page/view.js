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

/** A chart as a drawing, or as a list that says why there is none. Descriptions of its states are tooltips. */
export const drawing = ({ root, missing }, svg) => {
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
  const isMissing = missing?.includes('npm install');
  const why = `The chart is listed, as it cannot be drawn. ${missing ?? ''}${isMissing ? '. Then restart the server.' : ''}`;
  return make('div', { class: 'chart-list' }, make('p', { class: 'missing' }, why), make('ul', {}, list(root)));
};

/** Lights the states that are active. */
export const light = (picture, states) => {
  for (const group of picture.querySelectorAll('[data-state]')) {
    group.classList.toggle('active', states.includes(group.dataset.state));
  }
};
