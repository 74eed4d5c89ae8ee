// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The charts, with their active states lit.
import { count } from './badges.js';
import { byId, drawing, light, make } from './view.js';
import { fitPicture, zoom } from './zoom.js';

const tabNames = {
  population: 'All connections',
  supervisor: 'Supervisor',
  link: 'Broker',
  connection: 'Connection',
  namespace: 'Namespace',
  room: 'Room',
};

let charts;
let overview;
let followed = null;
let tab = 'population';
/** Whether the charts show everything, descriptions, actions and tags included. */
let isWhole = false;
const pictures = new Map();

export const makeTabs = (all) => {
  charts = all;
  for (const [name, text] of Object.entries(tabNames)) {
    byId('tabs').append(make('button', { role: 'tab', 'data-tab': name, click: () => openTab(name) }, text));
  }
};

export const openTab = (name) => {
  tab = name;
  if (overview) showDrawing();
};

/** Lights the active states of a snapshot. */
export const showDrawings = (snapshot) => {
  overview = snapshot.overview;
  followed = snapshot.followed;
  showDrawing();
};

const isAvailable = (name) => {
  if (name === 'link') return Boolean(overview.exchange);
  if (name === 'connection') return followed !== null;
  const namespaces = followed?.namespaces ?? [];
  if (name === 'namespace') return namespaces.length > 0;
  return name !== 'room' || namespaces.some(({ rooms }) => rooms.length > 0);
};

const showDrawing = () => {
  const shown = isAvailable(tab) ? tab : 'population';
  for (const button of byId('tabs').children) {
    button.hidden = !isAvailable(button.dataset.tab);
    button.setAttribute('aria-selected', String(button.dataset.tab === shown));
  }
  const picture = pictureOf(shown);
  const isNew = byId('drawing').firstChild !== picture;
  if (isNew) byId('drawing').replaceChildren(picture);
  if (shown === 'population') count(picture, new Map(overview.states.map((one) => [one.state, one.count])));
  else if (shown === 'supervisor') light(picture, overview.supervisor);
  else if (shown === 'link') light(picture, overview.exchange.states);
  else light(picture, statesOf(shown));
  if (isNew) fitPicture();
};

const pictureOf = (shown) => {
  const name = `${shown} ${isWhole}`;
  if (!pictures.has(name)) {
    const chart = charts[shown === 'population' ? 'connection' : shown];
    pictures.set(name, drawing(chart, isWhole ? chart.whole : chart.outline));
  }
  return pictures.get(name);
};

/** Shows the whole charts or their outlines. Whole ones are too big to be read at once. */
const detail = () => {
  isWhole = !isWhole;
  byId('detail').setAttribute('aria-pressed', String(isWhole));
  if (overview) showDrawing();
  zoom(isWhole);
};

/** Returns the active states of the connection, or of all its namespaces or rooms. */
const statesOf = (chart) => {
  const { states, namespaces } = followed;
  if (chart === 'connection') return states;
  const places = chart === 'namespace' ? namespaces : namespaces.flatMap(({ rooms }) => rooms);
  return [...new Set(places.flatMap((place) => place.states))];
};

byId('detail').addEventListener('click', detail);
