// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The overview: figures, connections by state, counters, and dropped connections.
import { recordedRow } from './history.js';
import { byId, bytes, clock, duration, facts, make, number, rate, say, words } from './view.js';

const history = [];
const historyLength = 240;

export const showFigures = (overview) => {
  history.push({ at: overview.at, total: overview.total, frames: overview.counters.framesIn });
  if (history.length > historyLength) history.shift();
  const [root] = overview.states;
  say(byId('total'), number(overview.total));
  say(byId('connects'), rate(root?.entered ?? 0));
  say(byId('disconnects'), rate(root?.left ?? 0));
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

const rows = new Map();

export const makePopulation = (root, choose) => {
  const add = (state, depth) => {
    // No connection stays in a final state.
    if (state.type === 'final' && depth === 1) return;
    const name = make('button', {
      class: 'state',
      title: state.description ?? state.key,
      click: () => choose(state.id),
    });
    name.append(
      make('span', { class: `dot ${state.tags.includes('congested') ? 'warm' : ''}` }),
      make('span', { class: 'name' }, depth === 0 ? 'all' : state.key),
    );
    const cells = {
      now: make('td', { class: 'now' }),
      rates: make('td', { class: 'rates' }),
      mean: make('td', { class: 'mean' }),
    };
    const row = make('tr', { class: `depth-${Math.min(depth, 4)}`, 'data-row': state.id });
    row.append(make('td', {}, name), cells.now, cells.rates, cells.mean);
    byId('population').append(row);
    rows.set(state.id, { row, ...cells });
    for (const child of state.states) add(child, depth + 1);
  };
  add(root, 0);
};

const notMoved = 'No connection has entered or left the state in the last seconds.';
const notLeft = 'Too few connections have left the state in the last minute.';

/** Shows a figure, or a dash that says why there is none. */
const figure = (cell, text, why) => {
  say(cell, text ?? '–');
  if (cell.title !== (text === null ? why : '')) cell.title = text === null ? why : '';
};

export const showPopulation = ({ states }, chosen) => {
  const all = Math.max(1, states[0]?.count ?? 0);
  for (const { state, count, entered, left, meanMs } of states) {
    const known = rows.get(state);
    if (!known) continue;
    say(known.now, number(count));
    figure(known.rates, entered === 0 && left === 0 ? null : `${rate(entered)} / ${rate(left)}`, notMoved);
    figure(known.mean, meanMs === null ? null : duration(meanMs), notLeft);
    known.row.style.setProperty('--share', `${(100 * count) / all}%`);
    known.row.classList.toggle('empty', count === 0);
    known.row.classList.toggle('chosen', chosen === state);
  }
};

const pills = (states, current) => {
  const all = states.map(({ id, key, description }) => {
    const name = current.includes(id) ? 'pill on' : 'pill';
    return make('span', { class: name, title: description ?? '' }, key);
  });
  return make('span', { class: 'pills' }, ...all);
};

/** A dropped connection, with the steps that led to its close. */
const droppedRow = ({ id, code, text, at, path }) =>
  make(
    'li',
    {},
    make(
      'details',
      {},
      make(
        'summary',
        {},
        make('span', { class: 'name' }, id),
        make('span', { class: 'note' }, `${code} ${text}`),
        make('time', {}, clock(at).slice(0, 8)),
      ),
      make('ol', { class: 'steps' }, ...path.map(recordedRow)),
    ),
  );

const noneDropped = 'None so far.';
const notRecorded = 'Set the server option recorder to list dropped connections and their steps.';
let droppedShown = '';

const showDropped = (dropped) => {
  // Redraws on change only, so that an open entry stays open.
  const shown = JSON.stringify(dropped?.map(({ nth }) => nth) ?? null);
  if (shown === droppedShown) return;
  droppedShown = shown;
  const hint = dropped ? noneDropped : notRecorded;
  const rows = dropped?.map(droppedRow) ?? [];
  byId('dropped').replaceChildren(...(rows.length > 0 ? rows : [make('li', { class: 'quiet' }, hint)]));
};

let serverShown = '';

export const showServer = ({ supervisor, pressure, exchange, counters, dropped }, charts) => {
  showDropped(dropped);
  const shown = JSON.stringify([supervisor, pressure.isThrottling, exchange, counters]);
  if (shown === serverShown) return;
  serverShown = shown;
  const pairs = [
    ['supervisor', pills(charts.supervisor.root.states, supervisor)],
    ['throttling', pressure.isThrottling ? 'producers' : 'off'],
  ];
  if (exchange) {
    const { status } = exchange;
    const lost = Object.values(status.lost).reduce((sum, one) => sum + one, 0);
    pairs.push(
      [exchange.name, pills(charts.link.root.states, exchange.states)],
      ['waiting', `${number(status.waiting.messages)} · ${bytes(status.waiting.bytes)}`],
      ['published · received', `${number(status.published)} · ${number(status.received)}`],
      ['lost', number(lost)],
    );
    if (status.trouble) pairs.push(['error', status.trouble]);
  }
  facts(byId('server'), pairs);
  const counted = Object.entries(counters).filter(([, value]) => value > 0);
  facts(
    byId('counters'),
    counted.length === 0 ? [['none yet', '']] : counted.map(([name, value]) => [words(name), number(value)]),
  );
};
