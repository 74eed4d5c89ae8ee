// @ts-nocheck – it runs in browsers; the compiler is told of Node only
// The page of the inspector: one stream says how things stand, four times a second; what is looked for is asked for.
import { subjectCard } from './subject.js';
import { byId, bytes, count, drawing, duration, facts, keyOf, light, make, number, rate, say, words } from './view.js';

const history = [];
const historyLength = 240;

let charts;
let stream;
let overview;
let subject = null;
let follows = decodeURIComponent(location.hash.slice(1));
let tab = follows === '' ? 'population' : 'connection';
let filter = { namespace: null, room: '', state: '' };
/** With all that is written in a chart, and as large as that needs to be. */
let isWhole = false;
const pictures = new Map();

// ── The stream ──────────────────────────────────────────────────────────────

const status = (text, isLive) => {
  const live = byId('live');
  say(live, text);
  live.classList.toggle('on', isLive);
};

/** The new stream is there before the old one goes, so that the census goes on. */
const listen = () => {
  const old = stream;
  const next = new EventSource(`stream?follow=${encodeURIComponent(follows)}`);
  stream = next;
  next.onopen = () => old?.close();
  next.onmessage = ({ data }) => {
    if (stream === next) show(JSON.parse(data));
  };
  next.onerror = () => {
    if (stream !== next) return;
    old?.close();
    status('no answer', false);
    // It tries again by itself, unless it was refused.
    if (next.readyState !== EventSource.CLOSED) return;
    status('not allowed, or gone', false);
    setTimeout(() => {
      if (stream === next) listen();
    }, 2_000);
  };
};

// A page that nobody sees watches nothing.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') return listen();
  stream?.close();
  stream = undefined;
  status('resting', false);
});

const show = (told) => {
  overview = told.overview;
  subject = told.subject;
  status('live', true);
  history.push({ at: overview.at, total: overview.total, frames: overview.counters.framesIn });
  if (history.length > historyLength) history.shift();
  if (!charts) return;
  showFigures();
  showPopulation();
  showServer();
  showDrawing();
  card.show(subject, follows);
};

// ── Figures ─────────────────────────────────────────────────────────────────

const showFigures = () => {
  const [root] = overview.states;
  say(byId('total'), number(overview.total));
  say(byId('came'), rate(root?.came ?? 0));
  say(byId('went'), rate(root?.went ?? 0));
  const now = history.at(-1);
  const then = history.at(-9) ?? history[0];
  say(byId('frames'), rate(((now.frames - then.frames) * 1_000) / Math.max(now.at - then.at, 250)));
  say(byId('log'), bytes(overview.pressure.log));
  say(byId('lag'), duration(overview.pressure.lag));
  const most = Math.max(1, ...history.map(({ total }) => total));
  const points = history.map(
    ({ total }, at) => `${historyLength - history.length + at + 1},${37 - (total / most) * 34}`,
  );
  byId('spark-line').setAttribute('points', points.join(' '));
  byId('spark-area').setAttribute('points', `${historyLength - history.length + 1},40 ${points.join(' ')} 240,40`);
};

// ── Population ──────────────────────────────────────────────────────────────

const rows = new Map();

const makeRows = () => {
  const add = (state, depth) => {
    // Nobody stays in an end.
    if (state.type === 'final' && depth === 1) return;
    const choose = make('button', { class: 'state', title: state.description ?? '', click: () => choosing(state.id) });
    choose.append(
      make('span', { class: `dot ${state.tags.includes('congested') ? 'warm' : ''}` }),
      depth === 0 ? 'all' : state.key,
    );
    const cells = { now: make('td', { class: 'now' }), flow: make('td'), stay: make('td') };
    const row = make('tr', { class: `depth-${Math.min(depth, 4)}`, 'data-row': state.id });
    row.append(make('td', {}, choose), cells.now, cells.flow, cells.stay);
    byId('population').append(row);
    rows.set(state.id, { row, ...cells });
    for (const child of state.states) add(child, depth + 1);
  };
  add(charts.connection.root, 0);
};

const showPopulation = () => {
  const all = Math.max(1, overview.states[0]?.count ?? 0);
  for (const { state, count, came, went, stay } of overview.states) {
    const known = rows.get(state);
    if (!known) continue;
    say(known.now, number(count));
    say(known.flow, came === 0 && went === 0 ? '' : `${rate(came)} / ${rate(went)}`);
    say(known.stay, stay === null ? '' : duration(stay));
    known.row.style.setProperty('--share', `${(100 * count) / all}%`);
    known.row.classList.toggle('empty', count === 0);
    known.row.classList.toggle('chosen', filter.state === state);
  }
};

// ── The server ──────────────────────────────────────────────────────────────

const pills = (states, current) => {
  const all = states.map(({ id, key, description }) => {
    const name = current.includes(id) ? 'pill on' : 'pill';
    return make('span', { class: name, title: description ?? '' }, key);
  });
  return make('span', { class: 'pills' }, ...all);
};

/** Why somebody was let go: by which way it came to its end. */
const fallenRow = ({ id, code, text, ago, path }) =>
  make(
    'li',
    {},
    make(
      'details',
      {},
      make('summary', {}, make('span', { class: 'name' }, id), make('span', { class: 'note' }, `${code} ${text}`)),
      make(
        'ol',
        { class: 'steps' },
        make('li', { class: 'step' }, make('span', { class: 'way' }, `${duration(ago)} ago`)),
        ...path.map(({ at, event, from, to, why }) =>
          make(
            'li',
            { class: 'step move' },
            make('time', {}, duration(at)),
            make('span', { class: 'event' }, event),
            make('span', { class: 'way' }, `${from} → ${to}`),
            why === '' ? '' : make('span', { class: 'why' }, why),
          ),
        ),
      ),
    ),
  );

const noFallen = 'Nobody, so far.';
const notRecorded = 'The option recorder of the server keeps by which way each connection goes.';
let fallenShown = '';

const showFallen = (fallen) => {
  // How long ago it was is told when it is new: whoever has opened one reads on undisturbed.
  const shown = JSON.stringify(fallen?.map(({ id, code, path }) => [id, code, path]) ?? null);
  if (shown === fallenShown) return;
  fallenShown = shown;
  const quiet = fallen ? noFallen : notRecorded;
  const rows = fallen?.map(fallenRow) ?? [];
  byId('fallen').replaceChildren(...(rows.length > 0 ? rows : [make('li', { class: 'quiet' }, quiet)]));
};

let serverShown = '';

const showServer = () => {
  const { supervisor, pressure, exchange, counters } = overview;
  const shown = JSON.stringify([supervisor, pressure.isHoldingBack, exchange, counters, overview.fallen?.length]);
  if (shown === serverShown) return;
  serverShown = shown;
  const pairs = [
    ['supervisor', pills(charts.supervisor.root.states, supervisor)],
    ['held back', pressure.isHoldingBack ? 'those whose handlers broadcast' : 'nobody'],
  ];
  if (exchange) {
    const { status } = exchange;
    const lost = Object.values(status.lost).reduce((sum, one) => sum + one, 0);
    pairs.push(
      [exchange.name, pills(charts.link.root.states, exchange.states)],
      ['waiting', `${number(status.waiting.messages)} · ${bytes(status.waiting.bytes)}`],
      ['out · in', `${number(status.published)} · ${number(status.received)}`],
      ['lost', number(lost)],
    );
    if (status.trouble) pairs.push(['trouble', status.trouble]);
  }
  facts(byId('server'), pairs);
  const counted = Object.entries(counters).filter(([, value]) => value > 0);
  showFallen(overview.fallen);
  facts(
    byId('counters'),
    counted.length === 0 ? [['nothing yet', '']] : counted.map(([name, value]) => [words(name), number(value)]),
  );
};

// ── Drawings ────────────────────────────────────────────────────────────────

const tabNames = {
  population: 'All connections',
  supervisor: 'Supervisor',
  link: 'Broker',
  connection: 'Connection',
  namespace: 'Namespace',
  room: 'Room',
};

const makeTabs = () => {
  for (const [name, text] of Object.entries(tabNames)) {
    byId('tabs').append(make('button', { role: 'tab', 'data-tab': name, click: () => open(name) }, text));
  }
};

const open = (name) => {
  tab = name;
  showDrawing();
};

const isThere = (name) => {
  if (name === 'link') return Boolean(overview.exchange);
  if (name === 'connection') return subject !== null;
  const namespaces = subject?.namespaces ?? [];
  if (name === 'namespace') return namespaces.length > 0;
  return name !== 'room' || namespaces.some(({ rooms }) => rooms.length > 0);
};

const showDrawing = () => {
  const shown = isThere(tab) ? tab : 'population';
  for (const button of byId('tabs').children) {
    button.hidden = !isThere(button.dataset.tab);
    button.setAttribute('aria-selected', String(button.dataset.tab === shown));
  }
  const picture = pictureOf(shown);
  if (byId('drawing').firstChild !== picture) byId('drawing').replaceChildren(picture);
  if (shown === 'population') count(picture, new Map(overview.states.map((one) => [one.state, one.count])));
  else if (shown === 'supervisor') light(picture, overview.supervisor);
  else if (shown === 'link') light(picture, overview.exchange.states);
  else light(picture, statesOf(shown));
};

const pictureOf = (shown) => {
  const name = `${shown} ${isWhole}`;
  if (!pictures.has(name)) {
    const { root, outline, whole } = charts[shown === 'population' ? 'connection' : shown];
    pictures.set(name, drawing(isWhole ? whole : outline, root));
  }
  return pictures.get(name);
};

const detail = () => {
  isWhole = !isWhole;
  byId('drawing').classList.toggle('near', isWhole);
  byId('detail').setAttribute('aria-pressed', String(isWhole));
  showDrawing();
};

/** Of the namespaces, or of the rooms, all that any of them is in. */
const statesOf = (chart) => {
  const { states, namespaces } = subject;
  if (chart === 'connection') return states;
  const places = chart === 'namespace' ? namespaces : namespaces.flatMap(({ rooms }) => rooms);
  return [...new Set(places.flatMap((place) => place.states))];
};

// ── Looking for somebody ────────────────────────────────────────────────────

let asked = 0;
let isLooking = false;

/** Again and again while nobody is followed: places only when somebody has asked. */
const look = async (isRefresh = false) => {
  if (isRefresh && isLooking) return;
  const mine = ++asked;
  isLooking = true;
  const query = new URLSearchParams({ text: byId('search').value, room: filter.room, state: filter.state });
  if (isRefresh) query.set('places', 'no');
  if (filter.namespace !== null) query.set('namespace', filter.namespace);
  const found = await fetch(`search?${query}`)
    .then((response) => (response.ok ? response.json() : undefined))
    .catch(() => undefined);
  if (mine !== asked) return;
  isLooking = false;
  if (!found) return;
  const { connections, total, places } = found;
  const focused = document.activeElement?.closest('#found, #places')?.id;
  if (focused) return;
  if (!isRefresh) byId('places').replaceChildren(...places.map(placeRow));
  byId('found').replaceChildren(...connections.map(foundRow));
  const left = total - connections.length;
  say(byId('found-more'), total === 0 ? 'Nobody.' : left > 0 ? `and ${number(left)} more, who came earlier` : '');
};

const placeName = (namespace, room) =>
  `${namespace === '' ? '(empty namespace)' : namespace}${room === '' ? '' : ` / ${room}`}`;

const placeRow = ({ namespace, room, members }) =>
  make(
    'li',
    {},
    make(
      'button',
      { class: 'row place', click: () => narrow({ namespace, room, state: '' }) },
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
      { class: 'row', 'data-actor': actor, click: () => follow(actor) },
      make('span', { class: `dot on ${isCongested ? 'warm' : ''}` }),
      make('span', { class: 'name' }, id),
      make('span', { class: 'note' }, note),
    ),
  );
};

const narrow = (to) => {
  filter = to;
  const chip = (text) =>
    make(
      'button',
      { class: 'chip', title: 'take this filter away', click: () => narrow({ namespace: null, room: '', state: '' }) },
      text,
      make('span', { 'aria-hidden': 'true' }, ' ×'),
    );
  const chips = [];
  if (filter.namespace !== null) chips.push(chip(placeName(filter.namespace, filter.room)));
  if (filter.state !== '') chips.push(chip(`in ${keyOf(filter.state)}`));
  byId('filters').replaceChildren(...chips);
  document.activeElement?.blur();
  look();
};

const choosing = (state) => {
  follow('');
  narrow({
    namespace: null,
    room: '',
    state: state === charts.connection.root.id || filter.state === state ? '' : state,
  });
};

const follow = (actor) => {
  if (actor === follows) return;
  follows = actor;
  subject = null;
  location.replace(`#${encodeURIComponent(actor)}`);
  tab = actor === '' ? 'population' : 'connection';
  card.show(null, follows);
  listen();
  if (actor === '') look();
};

const card = subjectCard({
  leave: () => follow(''),
  goTo: (namespace, room) => {
    follow('');
    narrow({ namespace, room, state: '' });
  },
});

byId('drawing').addEventListener('click', ({ target }) => {
  if (target.closest('.chart')) detail();
});
byId('detail').addEventListener('click', detail);

/** Rooms and namespaces are counted again more seldom. */
let refreshes = 0;
const isRest = () => ++refreshes % 3 !== 0;

let typing;
byId('search').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => look(), 200);
});
setInterval(() => {
  if (document.visibilityState === 'visible' && follows === '') look(isRest());
}, 2_000);

const begin = async () => {
  const response = await fetch('charts').catch(() => undefined);
  if (!response?.ok) {
    status('not allowed, or gone', false);
    setTimeout(begin, 2_000);
    return;
  }
  charts = await response.json();
  makeRows();
  makeTabs();
  card.show(null, follows);
  look();
  listen();
};
begin();
