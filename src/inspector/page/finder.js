// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The search for connections: by part of an id, a namespace, a room or a state.
import { byId, bytes, keyOf, make, number, say } from './view.js';

export const noFilter = { namespace: null, room: '', state: '' };
let filter = noFilter;
let onFollow = () => {};

export const chosenState = () => filter.state;

let searches = 0;
let isSearching = false;

/** Searches. A refresh leaves out namespaces and rooms. */
export const search = async (isRefresh = false) => {
  if (isRefresh && isSearching) return;
  const mine = ++searches;
  isSearching = true;
  const query = new URLSearchParams({ text: byId('search').value, room: filter.room, state: filter.state });
  if (isRefresh) query.set('places', 'no');
  if (filter.namespace !== null) query.set('namespace', filter.namespace);
  const found = await fetch(`search?${query}`)
    .then((response) => (response.ok ? response.json() : undefined))
    .catch(() => undefined);
  if (mine !== searches) return;
  isSearching = false;
  if (!found) return;
  const { connections, total, places } = found;
  const focused = document.activeElement?.closest('#found, #places')?.id;
  if (focused) return;
  if (!isRefresh) byId('places').replaceChildren(...places.map(placeRow));
  byId('found').replaceChildren(...connections.map(foundRow));
  const left = total - connections.length;
  say(byId('found-more'), total === 0 ? 'No connections.' : left > 0 ? `and ${number(left)} older connections` : '');
};

const placeName = (namespace, room) =>
  `${namespace === '' ? '(empty namespace)' : namespace}${room === '' ? '' : ` / ${room}`}`;

const placeRow = ({ namespace, room, members }) =>
  make(
    'li',
    {},
    make(
      'button',
      { class: 'row place', click: () => filterBy({ namespace, room, state: '' }) },
      make('span', { class: 'name' }, placeName(namespace, room)),
      make('span', { class: 'note' }, number(members)),
    ),
  );

const foundRow = ({ actor, id, states, pressure }) => {
  const isCongested = states.some((state) => keyOf(state) === 'congested');
  const note = [...states.map(keyOf), ...(pressure > 0 ? [bytes(pressure)] : [])].join(' · ');
  return make(
    'li',
    {},
    make(
      'button',
      { class: 'row', 'data-actor': actor, click: () => onFollow(actor) },
      make('span', { class: `dot on ${isCongested ? 'warm' : ''}` }),
      make('span', { class: 'name' }, id),
      make('span', { class: 'note' }, note),
    ),
  );
};

export const filterBy = (to) => {
  filter = to;
  const chip = (text) =>
    make(
      'button',
      { class: 'chip', title: 'Remove this filter', click: () => filterBy(noFilter) },
      text,
      make('span', { 'aria-hidden': 'true' }, ' ×'),
    );
  const chips = [];
  if (filter.namespace !== null) chips.push(chip(placeName(filter.namespace, filter.room)));
  if (filter.state !== '') chips.push(chip(`in ${keyOf(filter.state)}`));
  byId('filters').replaceChildren(...chips);
  document.activeElement?.blur();
  search();
};

/** Counts namespaces and rooms on every third refresh only. */
let refreshes = 0;
const isRefreshOnly = () => ++refreshes % 3 !== 0;

/** Searches on input, and every 2 s while the list is visible. */
export const keepSearching = (follow, isVisible) => {
  onFollow = follow;
  let typing;
  byId('search').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => search(), 200);
  });
  setInterval(() => {
    if (document.visibilityState === 'visible' && isVisible()) search(isRefreshOnly());
  }, 2_000);
  search();
};
